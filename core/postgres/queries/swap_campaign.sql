UPDATE campaigns
SET revision = $3, epoch = $4, ruleset = $5, definition = $6, demo = $7, updated_at = $8,
    rulesets = greatest(rulesets, $9),
    agreed = $10
WHERE id = $1 AND brand = $2 AND revision = $11
