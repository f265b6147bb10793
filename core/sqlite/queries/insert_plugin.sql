INSERT INTO plugins (brand, digest, size, state, name, upload, uploaded_at, uploaded_by, decided_at, decided_by, reason,
                     holder, lease_until, attempts, revision, signing_key, signature)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
