-- LATERAL as in lock_orders.sql; OFFSET 0 keeps it one.
SELECT o.campaign, o.id, o.brand, o.shopper, o.currency, o.total, o.lines, o.takes, o.claims, o.quote, o.placed_at,
       o.revision, o.state, o.takes_state, o.hold_until, o.updated_at, o.dues, o.conditions, o.shipment
FROM unnest($3::text[]) AS asked (id)
CROSS JOIN LATERAL (SELECT * FROM orders WHERE campaign = $1 AND brand = $2 AND id = asked.id OFFSET 0) AS o
