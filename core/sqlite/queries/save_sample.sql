INSERT OR REPLACE INTO samples (campaign, second, node, brand, content) VALUES (?, ?, ?, ?, ?)
