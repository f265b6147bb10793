-- The key backwards. An empty argument bounds nothing.
SELECT campaign, id, brand, at, code, reason, content
FROM refusals
WHERE campaign = $1 AND ($2::text = '' OR id < $2)
ORDER BY id DESC
LIMIT $3
