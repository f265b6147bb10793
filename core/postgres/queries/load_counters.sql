SELECT key, limit_, remaining, epoch, seen FROM counters WHERE campaign = $1 AND brand = $2 ORDER BY key
