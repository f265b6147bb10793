INSERT INTO plugin_approvals (brand, digest, revision, person, credential, at, reason, terms, voided_at, void)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, '')
