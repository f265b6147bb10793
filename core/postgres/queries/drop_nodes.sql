-- What is locked is being written, so it is not gone, or being dropped by another node.
DELETE FROM nodes
WHERE id IN (SELECT n.id FROM nodes AS n WHERE n.seen_at < $1 OR n.id = $2 AND $2 <> '' ORDER BY n.id FOR UPDATE SKIP LOCKED)
