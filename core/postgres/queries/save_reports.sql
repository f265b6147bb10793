-- Of several rows with one key the last counts. They are written in the order of their keys.
INSERT INTO reports (campaign, subject, node, brand, content)
SELECT DISTINCT ON (r.campaign, r.subject, r.node) r.campaign, r.subject, r.node, r.brand, r.content
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
     WITH ORDINALITY AS r (campaign, subject, node, brand, content, place)
ORDER BY r.campaign, r.subject, r.node, r.place DESC
ON CONFLICT (campaign, subject, node) DO UPDATE SET content = excluded.content
WHERE reports.brand = excluded.brand
