SELECT c.definition, c.revision, c.epoch, c.demo, c.rulesets, c.agreed, r.content, h.content
FROM campaigns AS c
JOIN rulesets AS r ON r.campaign = c.id AND r.brand = c.brand AND r.number = c.ruleset
JOIN rollouts AS h ON h.campaign = c.id AND h.brand = c.brand AND h.revision = c.revision
WHERE c.id = ?
