UPDATE campaigns
SET brand = $2, revision = $3, epoch = $4, ruleset = $5, definition = $6, demo = $7, updated_at = $8,
    rulesets = greatest(rulesets, $9)
WHERE id = $1 AND revision = $10
