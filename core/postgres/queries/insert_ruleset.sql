INSERT INTO rulesets (campaign, number, brand, content) VALUES ($1, $2, $3, $4)
