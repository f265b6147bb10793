DELETE FROM samples
WHERE rowid IN (SELECT s.rowid FROM campaigns AS c JOIN samples AS s ON s.campaign = c.id AND s.brand = c.brand AND s.second < ?1 LIMIT ?2)
