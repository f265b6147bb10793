-- Empty arguments ask for every brand, and for every key.
SELECT brand, id, name, public_key, created_at, created_by, revoked_at, revoked_by, reason
FROM signing_keys
WHERE (?1 = '' OR brand = ?1) AND (?2 = '' OR id = ?2)
ORDER BY created_at DESC, brand DESC, id DESC
