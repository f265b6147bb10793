SELECT content FROM rulesets WHERE campaign = ? AND number = ?
