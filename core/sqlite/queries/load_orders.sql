SELECT o.campaign, o.id, o.brand, o.shopper, o.currency, o.total, o.lines, o.takes, o.claims, o.quote, o.placed_at,
       o.revision, o.state, o.takes_state, o.hold_until, o.updated_at, o.dues, o.conditions, o.shipment
FROM json_each(?3) AS asked CROSS JOIN orders AS o ON o.campaign = ?1 AND o.brand = ?2 AND o.id = asked.value
