SELECT key, limit_, remaining, epoch, seen FROM counters WHERE campaign = ? AND brand = ? ORDER BY key
