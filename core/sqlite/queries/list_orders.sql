-- The key backwards. Every text is less than a blob: an empty one as ?4 bounds nothing.
SELECT campaign, id, brand, shopper, currency, total, lines, takes, claims, quote, placed_at,
       revision, state, takes_state, hold_until, updated_at, dues, conditions, shipment
FROM orders
WHERE campaign = ?1 AND brand = ?2 AND (?3 = '' OR state = ?3) AND id < ?4
ORDER BY id DESC
LIMIT ?5
