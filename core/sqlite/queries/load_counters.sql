SELECT key, limit_, remaining, epoch, seen FROM counters WHERE campaign = ? ORDER BY key
