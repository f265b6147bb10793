-- Of documents that are locked, guarded as in swap_documents.sql. OFFSET 0 as in move_orders.sql.
WITH dropped AS (
    DELETE FROM documents AS d
    USING (
        SELECT $1::text AS campaign, $2::text AS brand, u.kind, u.id, u.revision
        FROM unnest($3::text[], $4::text[], $5::bigint[]) AS u (kind, id, revision)
        OFFSET 0
    ) AS g
    WHERE d.campaign = g.campaign AND d.brand = g.brand AND d.kind = g.kind AND d.id = g.id AND d.revision = g.revision
    RETURNING 1
)
SELECT 1 / (CASE WHEN count(*) = $6::bigint THEN 1 ELSE 0 END) FROM dropped
