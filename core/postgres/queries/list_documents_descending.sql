-- As list_documents.sql, the last id first.
SELECT kind, id, shopper, state, due, revision, content
FROM documents
WHERE campaign = $1 AND kind = $2
  AND id >= $3::text AND ($4::text = '' OR id < $4) AND id <> $5::text
ORDER BY id DESC
LIMIT $6
