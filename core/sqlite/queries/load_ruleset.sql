SELECT content FROM rulesets WHERE campaign = ? AND brand = ? AND number = ?
