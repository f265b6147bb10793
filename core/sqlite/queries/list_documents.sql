-- The ids lie between ?3 and ?4, and ?5 is left out. Every text is less than a blob: an empty one as ?4 bounds nothing.
SELECT kind, id, shopper, state, due, revision, content
FROM documents
WHERE campaign = ?1 AND kind = ?2 AND id >= ?3 AND id < ?4 AND id <> ?5
ORDER BY id
LIMIT ?6
