INSERT INTO staff_log (brand, campaign, at, actor, role, action, reason, before_, after_) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
