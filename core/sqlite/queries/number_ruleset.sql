UPDATE campaigns SET rulesets = ?3 WHERE id = ?1 AND brand = ?2 AND rulesets = ?3 - 1
