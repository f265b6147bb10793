-- Existing orders are the first lock, in the order of the ids as they come. LATERAL is one seek of the key an order
-- whatever the planner believes: of a new campaign it knows nothing, and would rather read all of it.
SELECT o.id
FROM unnest($3::text[]) AS asked (id)
CROSS JOIN LATERAL (SELECT id FROM orders WHERE campaign = $1 AND brand = $2 AND id = asked.id FOR UPDATE) AS o
