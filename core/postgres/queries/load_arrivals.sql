-- The shoppers' arrivals, each shopper's last turn at the end. LATERAL as in lock_orders.sql; OFFSET 0 keeps it one.
SELECT a.shopper, a.turn, a.number, a.at
FROM unnest($3::text[]) AS asked (shopper)
CROSS JOIN LATERAL (SELECT * FROM arrivals WHERE campaign = $1 AND brand = $2 AND shopper = asked.shopper OFFSET 0) AS a
ORDER BY a.shopper, a.turn
