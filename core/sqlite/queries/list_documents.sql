-- The ids lie between ?4 and ?5, and ?6 is left out. Every text is less than a blob: an empty one as ?5 bounds nothing.
SELECT kind, id, shopper, state, due, revision, content
FROM documents
WHERE campaign = ?1 AND brand = ?2 AND kind = ?3 AND id >= ?4 AND id < ?5 AND id <> ?6
ORDER BY id
LIMIT ?7
