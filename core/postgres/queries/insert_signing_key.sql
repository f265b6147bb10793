INSERT INTO signing_keys (brand, id, name, public_key, created_at, created_by, revoked_at, revoked_by, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
