-- The documents that a plan is going to change, in the order of the keys as they come, before the counters: a plan that is
-- made under locks then finds them as it read them. LATERAL as in lock_orders.sql.
SELECT d.id
FROM unnest($3::text[], $4::text[]) AS asked (kind, id)
CROSS JOIN LATERAL (SELECT id FROM documents WHERE campaign = $1 AND brand = $2 AND kind = asked.kind AND id = asked.id FOR UPDATE) AS d
