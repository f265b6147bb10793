-- Of documents that are locked, guarded as in swap_documents.sql. OFFSET 0 as in move_orders.sql.
WITH dropped AS (
    DELETE FROM documents AS d
    USING (
        SELECT $1::text AS campaign, u.kind, u.id, u.revision
        FROM unnest($2::text[], $3::text[], $4::bigint[]) AS u (kind, id, revision)
        OFFSET 0
    ) AS g
    WHERE d.campaign = g.campaign AND d.kind = g.kind AND d.id = g.id AND d.revision = g.revision
    RETURNING 1
)
SELECT 1 / (CASE WHEN count(*) = $5::bigint THEN 1 ELSE 0 END) FROM dropped
