INSERT OR REPLACE INTO reports (campaign, subject, node, brand, content) VALUES (?, ?, ?, ?, ?)
