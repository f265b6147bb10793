SELECT key FROM counters WHERE campaign = $1 ORDER BY key FOR UPDATE
