SELECT kind, id, shopper, state, due, revision, content
FROM documents
WHERE campaign = $1 AND brand = $2 AND due > 0 AND due <= $3
ORDER BY due, kind, id
LIMIT $4
