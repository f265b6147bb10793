-- The key backwards. Every text is less than a blob: an empty one as ?3 bounds nothing.
SELECT campaign, id, brand, at, code, reason, content
FROM refusals
WHERE campaign = ?1 AND brand = ?2 AND id < ?3
ORDER BY id DESC
LIMIT ?4
