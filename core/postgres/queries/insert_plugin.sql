INSERT INTO plugins (brand, digest, size, state, name, upload, uploaded_at, uploaded_by, decided_at, decided_by, reason,
                     holder, lease_until, attempts, revision, signing_key, signature)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
