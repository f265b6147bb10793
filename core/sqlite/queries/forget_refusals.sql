DELETE FROM refusals
WHERE rowid IN (SELECT r.rowid FROM campaigns AS c JOIN refusals AS r ON r.campaign = c.id AND r.brand = c.brand AND r.at < ?1 LIMIT ?2)
