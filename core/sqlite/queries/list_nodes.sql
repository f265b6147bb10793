SELECT content FROM nodes WHERE seen_at >= ? ORDER BY id
