UPDATE campaigns SET rulesets = ?2 WHERE id = ?1 AND rulesets = ?2 - 1
