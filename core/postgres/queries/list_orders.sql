-- The key backwards. Empty arguments ask for everything.
SELECT campaign, id, brand, shopper, currency, total, lines, takes, claims, quote, placed_at,
       revision, state, takes_state, hold_until, updated_at, dues, conditions, shipment
FROM orders
WHERE campaign = $1 AND brand = $2 AND ($3::text = '' OR state = $3) AND ($4::text = '' OR id < $4)
ORDER BY id DESC
LIMIT $5
