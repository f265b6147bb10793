INSERT INTO rulesets (campaign, number, brand, content) VALUES (?, ?, ?, ?)
