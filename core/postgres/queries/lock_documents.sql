-- The documents that are there already, in the order of the keys as they come, after what the plan inserts: who waits for
-- a lock here is waited for by those who insert, and never waits for one of them. That holds as long as nothing after this
-- touches a document that is not locked by it; so the revisions are compared here, and the division fails unless every
-- document was at the one that was read. LATERAL as in lock_orders.sql.
WITH locked AS (
    SELECT asked.revision = d.revision AS fits
    FROM unnest($3::text[], $4::text[], $5::bigint[]) AS asked (kind, id, revision)
    CROSS JOIN LATERAL (
        SELECT revision FROM documents WHERE campaign = $1 AND brand = $2 AND kind = asked.kind AND id = asked.id FOR UPDATE
    ) AS d
)
SELECT 1 / (CASE WHEN count(*) = $6::bigint THEN 1 ELSE 0 END) FROM locked WHERE fits
