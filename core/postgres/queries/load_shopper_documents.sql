-- A shopper's documents of all the kinds $4 are read from one range of the index. LATERAL as in lock_orders.sql.
SELECT d.kind, d.id, d.shopper, d.state, d.due, d.revision, d.content
FROM unnest($3::text[]) AS asked (shopper)
CROSS JOIN LATERAL (
    SELECT *
    FROM documents
    WHERE campaign = $1 AND brand = $2 AND shopper = asked.shopper AND shopper <> '' AND kind = ANY ($4::text[])
    ORDER BY kind, id
) AS d
