INSERT INTO nodes (id, seen_at, content) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, content = excluded.content
