-- What the campaign knows of the shoppers, in one statement and so in one snapshot. A reservation is a row without a
-- kind. LATERAL as in lock_orders.sql; OFFSET 0 keeps it one.
SELECT c.shopper, c.kind, c.key, c.owner, c.fingerprint, 0::bigint, 0::bigint
FROM unnest($3::text[]) AS asked (shopper)
CROSS JOIN LATERAL (SELECT * FROM claims WHERE campaign = $1 AND brand = $2 AND shopper = asked.shopper OFFSET 0) AS c
UNION ALL
SELECT r.shopper, '', '', '', '', r.at, r.position
FROM unnest($3::text[]) AS asked (shopper)
CROSS JOIN LATERAL (SELECT * FROM reservations WHERE campaign = $1 AND brand = $2 AND shopper = asked.shopper OFFSET 0) AS r
