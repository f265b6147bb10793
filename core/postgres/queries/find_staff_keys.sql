-- Empty arguments ask for everything, but for the brand: '' is that of keys for every brand.
SELECT id, kind, person, role, brand, prefix, sha256, created_at, created_by, expires_at, revoked_at, revoked_by, replaces, revision
FROM staff_keys
WHERE ($1::boolean OR brand = $2) AND ($3::text = '' OR person = $3) AND ($4::text = '' OR id = $4)
  AND ($5::text = '' OR replaces = $5) AND ($6::text = '' OR id < $6)
ORDER BY id DESC
LIMIT $7
