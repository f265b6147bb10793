-- A scan of the campaign's orders: nothing indexes what a decision was made about.
SELECT campaign, id, brand, shopper, currency, total, lines, takes, claims, quote, placed_at,
       revision, state, takes_state, hold_until, updated_at, dues, conditions, shipment
FROM orders
WHERE campaign = ?1 AND brand = ?2 AND id > ?4 AND instr(quote, ?3) > 0
ORDER BY id
LIMIT ?5
