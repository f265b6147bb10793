INSERT INTO plugin_approvals (brand, digest, revision, person, credential, at, reason, terms, voided_at, void)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, '')
