-- All documents of a plan, the new ones too, in the order of the keys as they come: a plan that deletes what another one
-- inserts again shall not wait for it halfway. LATERAL as in lock_orders.sql.
SELECT d.id
FROM unnest($2::text[], $3::text[]) AS asked (kind, id)
CROSS JOIN LATERAL (
    SELECT id FROM documents WHERE campaign = $1 AND kind = asked.kind AND id = asked.id FOR UPDATE
) AS d
