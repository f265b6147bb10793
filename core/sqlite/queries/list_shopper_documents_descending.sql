-- As list_shopper_documents.sql, the last id first.
SELECT kind, id, shopper, state, due, revision, content
FROM documents
WHERE campaign = ?1 AND brand = ?2 AND kind = ?3 AND id >= ?4 AND id < ?5 AND id <> ?6 AND shopper = ?8 AND shopper <> ''
ORDER BY id DESC
LIMIT ?7
