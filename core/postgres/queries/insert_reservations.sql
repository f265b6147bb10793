-- The counter was moved by this transaction, which holds its lock: what is taken of it now, less the $3 that this plan
-- took, is how many reserved before.
INSERT INTO reservations (campaign, shopper, brand, at, position)
SELECT $1, r.shopper, $2, r.at, c.limit_ - c.remaining - $3::bigint + r.place
FROM unnest($4::text[], $5::bigint[], $6::bigint[]) AS r (shopper, at, place), counters AS c
WHERE c.campaign = $1 AND c.brand = $2 AND c.key = 'reservations'
