-- Nothing is inserted when as many keys are live as there may be: of all, of the brand, of the person in this kind.
INSERT INTO staff_keys (id, kind, person, role, brand, prefix, sha256, created_at, created_by, expires_at, revoked_at, revoked_by,
                        ends_at, replaces, revision)
SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::bytea, $8::bigint, $9::text, $10::bigint, 0, '', $10::bigint, $11::text,
       (SELECT revision FROM staff_key_revision WHERE id = 1)
WHERE (SELECT count(*) FROM staff_keys WHERE ends_at > $12::bigint) < $13::bigint
  AND (SELECT count(*) FROM staff_keys WHERE ends_at > $12::bigint AND brand = $5) < $14::bigint
  AND (SELECT count(*) FROM staff_keys WHERE ends_at > $12::bigint AND brand = $5 AND person = $3 AND kind = $2) < $15::bigint
