-- As list_shopper_documents.sql, the last id first.
SELECT kind, id, shopper, state, due, revision, content
FROM documents
WHERE campaign = ?1 AND kind = ?2 AND id >= ?3 AND id < ?4 AND id <> ?5 AND shopper = ?7 AND shopper <> ''
ORDER BY id DESC
LIMIT ?6
