-- The key backwards. An empty argument bounds nothing.
SELECT campaign, id, brand, at, code, reason, content
FROM refusals
WHERE campaign = $1 AND brand = $2 AND ($3::text = '' OR id < $3)
ORDER BY id DESC
LIMIT $4
