SELECT key FROM counters WHERE campaign = $1 AND brand = $2 ORDER BY key FOR UPDATE
