SELECT id, epoch, revision FROM campaigns ORDER BY id
