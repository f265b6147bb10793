-- Only the order that owns a claim gives it back; one that is not there, or another's, fails the plan. OFFSET 0 as in
-- move_orders.sql.
WITH released AS (
    DELETE FROM claims AS c
    USING (
        SELECT $1::text AS campaign, $2::text AS brand, u.shopper, u.kind, u.key, u.owner
        FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS u (shopper, kind, key, owner)
        OFFSET 0
    ) AS r
    WHERE c.campaign = r.campaign AND c.brand = r.brand AND c.shopper = r.shopper AND c.kind = r.kind AND c.key = r.key AND c.owner = r.owner
    RETURNING 1
)
SELECT 1 / (CASE WHEN count(*) = $7::bigint THEN 1 ELSE 0 END) FROM released
