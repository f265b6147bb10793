-- The division fails unless the number is the next one.
WITH numbered AS (UPDATE campaigns SET rulesets = $2::bigint WHERE id = $1 AND rulesets = $2 - 1 RETURNING id)
SELECT 1 / count(*) FROM numbered
