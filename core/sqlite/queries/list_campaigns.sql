SELECT id, epoch, revision, rulesets FROM campaigns ORDER BY id
