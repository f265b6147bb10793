-- Empty arguments ask for everything: $4 and $5 bound the ids, of which $6 is left out.
SELECT kind, id, shopper, state, due, revision, content
FROM documents
WHERE campaign = $1 AND kind = $2 AND ($3::text = '' OR shopper = $3 AND shopper <> '')
  AND id >= $4::text AND ($5::text = '' OR id < $5) AND id <> $6::text
ORDER BY id
LIMIT $7
