SELECT id, brand, epoch, revision, rulesets FROM campaigns ORDER BY id
