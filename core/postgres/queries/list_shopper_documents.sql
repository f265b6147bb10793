-- As list_documents.sql, in the index by shopper.
SELECT kind, id, shopper, state, due, revision, content
FROM documents
WHERE campaign = $1 AND kind = $2 AND shopper = $7 AND shopper <> ''
  AND id >= $3::text AND ($4::text = '' OR id < $4) AND id <> $5::text
ORDER BY id
LIMIT $6
