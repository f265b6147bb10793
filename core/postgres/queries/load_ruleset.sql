SELECT content FROM rulesets WHERE campaign = $1 AND brand = $2 AND number = $3
