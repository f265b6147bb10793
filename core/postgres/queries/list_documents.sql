-- The ids lie between $4 and $5, of which an empty one bounds nothing, and $6 is left out.
SELECT kind, id, shopper, state, due, revision, content
FROM documents
WHERE campaign = $1 AND brand = $2 AND kind = $3
  AND id >= $4::text AND ($5::text = '' OR id < $5) AND id <> $6::text
ORDER BY id
LIMIT $7
