-- A refusal that is there was added by a call whose answer got lost.
INSERT INTO refusals (campaign, id, brand, at, code, reason, content)
SELECT r.campaign, r.id, r.brand, r.at, r.code, r.reason, r.content
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[])
     AS r (campaign, id, brand, at, code, reason, content)
ON CONFLICT (campaign, id) DO NOTHING
