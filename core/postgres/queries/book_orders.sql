SELECT campaign, id, brand, shopper, currency, total, lines, takes, claims, quote, placed_at,
       revision, state, takes_state, hold_until, updated_at, dues, conditions, shipment
FROM orders
WHERE campaign = $1 AND brand = $2
ORDER BY id
