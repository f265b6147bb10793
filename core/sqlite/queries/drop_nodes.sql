DELETE FROM nodes WHERE seen_at < ?1 OR id = ?2 AND ?2 <> ''
