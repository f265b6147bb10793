-- The division fails unless the number is the next one.
WITH numbered AS (UPDATE campaigns SET rulesets = $3::bigint WHERE id = $1 AND brand = $2 AND rulesets = $3 - 1 RETURNING id)
SELECT 1 / count(*) FROM numbered
