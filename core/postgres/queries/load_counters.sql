SELECT key, limit_, remaining, epoch, seen FROM counters WHERE campaign = $1 ORDER BY key
