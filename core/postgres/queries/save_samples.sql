-- Of several rows with one key the last counts. They are written in the order of their keys.
INSERT INTO samples (campaign, second, node, brand, content)
SELECT DISTINCT ON (s.campaign, s.second, s.node) s.campaign, s.second, s.node, s.brand, s.content
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[])
     WITH ORDINALITY AS s (campaign, second, node, brand, content, place)
ORDER BY s.campaign, s.second, s.node, s.place DESC
ON CONFLICT (campaign, second, node) DO UPDATE SET content = excluded.content
WHERE samples.brand = excluded.brand
