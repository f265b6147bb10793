-- As list_documents.sql, in the index by shopper.
SELECT kind, id, shopper, state, due, revision, content
FROM documents
WHERE campaign = $1 AND brand = $2 AND kind = $3 AND shopper = $8 AND shopper <> ''
  AND id >= $4::text AND ($5::text = '' OR id < $5) AND id <> $6::text
ORDER BY id
LIMIT $7
