-- Every claim as it was read, or the division fails. OFFSET 0 as in move_orders.sql.
WITH erased AS (
    UPDATE claims AS c
    SET shopper = e.to_shopper, key = e.to_key, owner = e.to_owner, fingerprint = ''
    FROM (
        SELECT $1::text AS campaign, $2::text AS brand, u.*
        FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
            AS u (shopper, kind, key, owner, to_shopper, to_key, to_owner)
        OFFSET 0
    ) AS e
    WHERE c.campaign = e.campaign AND c.brand = e.brand AND c.shopper = e.shopper AND c.kind = e.kind AND c.key = e.key
        AND c.owner = e.owner
    RETURNING 1
)
SELECT 1 / (CASE WHEN count(*) = $10::bigint THEN 1 ELSE 0 END) FROM erased
