-- Of documents that are locked. The division fails, and with it the plan, if one of them comes twice.
-- OFFSET 0 as in move_orders.sql.
WITH swapped AS (
    UPDATE documents AS d
    SET revision = d.revision + 1, shopper = s.shopper, state = s.state, due = s.due, content = s.content
    FROM (
        SELECT $1::text AS campaign, $2::text AS brand, u.kind, u.id, u.shopper, u.state, u.due, u.content, u.revision
        FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::bigint[])
            AS u (kind, id, shopper, state, due, content, revision)
        OFFSET 0
    ) AS s
    WHERE d.campaign = s.campaign AND d.brand = s.brand AND d.kind = s.kind AND d.id = s.id AND d.revision = s.revision
    RETURNING 1
)
SELECT 1 / (CASE WHEN count(*) = $10::bigint THEN 1 ELSE 0 END) FROM swapped
