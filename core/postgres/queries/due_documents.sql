SELECT kind, id, shopper, state, due, revision, content
FROM documents
WHERE campaign = $1 AND due > 0 AND due <= $2
ORDER BY due, kind, id
LIMIT $3
