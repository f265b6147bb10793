INSERT INTO signing_keys (brand, id, name, public_key, created_at, created_by, revoked_at, revoked_by, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
