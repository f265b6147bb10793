INSERT INTO campaigns (id, brand, revision, epoch, ruleset, definition, demo, updated_at, rulesets, agreed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
