INSERT INTO campaigns (id, brand, revision, epoch, ruleset, definition, demo, updated_at, rulesets, agreed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
