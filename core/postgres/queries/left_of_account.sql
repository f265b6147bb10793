SELECT 1 / (CASE WHEN count(*) = 0 THEN 1 ELSE 0 END) FROM accounts WHERE name = $1
