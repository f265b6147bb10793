SELECT id, quote FROM orders WHERE campaign = $1 AND id > $2 ORDER BY id LIMIT $3
