INSERT INTO staff_log (brand, campaign, at, actor, role, action, reason, before_, after_) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
