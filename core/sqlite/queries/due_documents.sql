SELECT kind, id, shopper, state, due, revision, content
FROM documents
WHERE campaign = ? AND brand = ? AND due > 0 AND due <= ?
ORDER BY due, kind, id
LIMIT ?
