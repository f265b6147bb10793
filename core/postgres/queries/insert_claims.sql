INSERT INTO claims (campaign, shopper, kind, key, brand, owner, fingerprint)
SELECT $1, c.shopper, c.kind, c.key, $2, c.owner, c.fingerprint
FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) AS c (shopper, kind, key, owner, fingerprint)
