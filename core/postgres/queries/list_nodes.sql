SELECT content FROM nodes WHERE seen_at >= $1 ORDER BY id
