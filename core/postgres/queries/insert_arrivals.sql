-- As in insert_reservations.sql: what is taken of the counter now, less the $3 that this plan took, is how many joined before.
INSERT INTO arrivals (campaign, shopper, turn, brand, number, at)
SELECT $1, a.shopper, a.turn, $2, c.limit_ - c.remaining - $3::bigint + a.place, a.at
FROM unnest($4::text[], $5::bigint[], $6::bigint[], $7::bigint[]) AS a (shopper, turn, at, place), counters AS c
WHERE c.campaign = $1 AND c.brand = $2 AND c.key = 'queue'
