SELECT id, quote FROM orders WHERE campaign = $1 AND brand = $2 AND id > $3 ORDER BY id LIMIT $4
