-- Of orders that are locked. What an order costs, took and owes stays; what it says of its shopper does not. OFFSET 0 as in
-- move_orders.sql.
WITH erased AS (
    UPDATE orders AS o
    SET revision = o.revision + 1, shopper = e.shopper, lines = e.lines, claims = e.claims, quote = e.quote,
        conditions = e.conditions, shipment = e.shipment
    FROM (
        SELECT $1::text AS campaign, $2::text AS brand, u.*
        FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
            AS u (id, revision, shopper, lines, claims, quote, conditions, shipment)
        OFFSET 0
    ) AS e
    WHERE o.campaign = e.campaign AND o.brand = e.brand AND o.id = e.id AND o.revision = e.revision
    RETURNING 1
)
SELECT 1 / (CASE WHEN count(*) = $11::bigint THEN 1 ELSE 0 END) FROM erased
