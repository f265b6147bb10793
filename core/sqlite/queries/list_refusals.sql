-- The key backwards. Every text is less than a blob: an empty one as ?2 bounds nothing.
SELECT campaign, id, brand, at, code, reason, content
FROM refusals
WHERE campaign = ?1 AND id < ?2
ORDER BY id DESC
LIMIT ?3
