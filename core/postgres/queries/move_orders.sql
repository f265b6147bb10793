-- Compare and swap. The division fails, and with it the plan, unless every order was at the revision that was read.
-- OFFSET 0 hides from the planner that all are of one campaign: of a new campaign it knows nothing, and would rather
-- read all of it than seek each key.
WITH moved AS (
    UPDATE orders AS o
    SET revision = o.revision + 1, state = m.state, takes_state = m.takes_state, hold_until = m.hold_until,
        updated_at = m.updated_at, dues = m.dues, conditions = m.conditions, shipment = m.shipment
    FROM (
        SELECT $1::text AS campaign, $2::text AS brand, u.id, u.revision, u.state, u.takes_state, u.hold_until, u.updated_at, u.dues,
               u.conditions, u.shipment
        FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::text[], $10::text[],
                    $11::text[])
            AS u (id, revision, state, takes_state, hold_until, updated_at, dues, conditions, shipment)
        OFFSET 0
    ) AS m
    WHERE o.campaign = m.campaign AND o.brand = m.brand AND o.id = m.id AND o.revision = m.revision
    RETURNING 1
)
SELECT 1 / (CASE WHEN count(*) = $12::bigint THEN 1 ELSE 0 END) FROM moved
