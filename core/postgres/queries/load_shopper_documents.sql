-- A shopper's documents of all the kinds $3 are read from one range of the index. LATERAL as in lock_orders.sql.
SELECT d.kind, d.id, d.shopper, d.state, d.due, d.revision, d.content
FROM unnest($2::text[]) AS asked (shopper)
CROSS JOIN LATERAL (
    SELECT *
    FROM documents
    WHERE campaign = $1 AND shopper = asked.shopper AND shopper <> '' AND kind = ANY ($3::text[])
    ORDER BY kind, id
) AS d
