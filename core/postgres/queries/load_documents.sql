-- LATERAL as in lock_orders.sql; OFFSET 0 keeps it one.
SELECT d.kind, d.id, d.shopper, d.state, d.due, d.revision, d.content
FROM unnest($3::text[], $4::text[]) AS asked (kind, id)
CROSS JOIN LATERAL (SELECT * FROM documents WHERE campaign = $1 AND brand = $2 AND kind = asked.kind AND id = asked.id OFFSET 0) AS d
