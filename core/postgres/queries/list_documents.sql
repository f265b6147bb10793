-- The ids lie between $3 and $4, of which an empty one bounds nothing, and $5 is left out.
SELECT kind, id, shopper, state, due, revision, content
FROM documents
WHERE campaign = $1 AND kind = $2
  AND id >= $3::text AND ($4::text = '' OR id < $4) AND id <> $5::text
ORDER BY id
LIMIT $6
