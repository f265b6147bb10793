SELECT c.definition, c.revision, c.epoch, c.demo, r.content
FROM campaigns AS c JOIN rulesets AS r ON r.campaign = c.id AND r.number = c.ruleset
WHERE c.id = $1
