INSERT OR REPLACE INTO nodes (id, seen_at, content) VALUES (?, ?, ?)
