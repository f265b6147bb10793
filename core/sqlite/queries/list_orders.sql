-- The key backwards. Every text is less than a blob: an empty one as ?3 bounds nothing.
SELECT campaign, id, brand, shopper, currency, total, lines, takes, claims, quote, placed_at,
       revision, state, takes_state, hold_until, updated_at, dues, conditions, shipment
FROM orders
WHERE campaign = ?1 AND (?2 = '' OR state = ?2) AND id < ?3
ORDER BY id DESC
LIMIT ?4
