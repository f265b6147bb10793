SELECT content FROM rulesets WHERE campaign = $1 AND number = $2
