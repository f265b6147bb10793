INSERT INTO counters (campaign, key, brand, limit_, remaining, epoch, seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
ON CONFLICT (campaign, key) DO UPDATE
SET limit_ = excluded.limit_, remaining = excluded.remaining, epoch = excluded.epoch, seen = excluded.seen
WHERE counters.brand = excluded.brand
