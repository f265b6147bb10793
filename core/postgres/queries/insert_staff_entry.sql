INSERT INTO staff_log (brand, campaign, at, actor, role, credential, address, action, reason, before_, after_, seq, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
