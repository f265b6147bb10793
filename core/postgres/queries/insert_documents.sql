INSERT INTO documents (campaign, kind, id, brand, shopper, state, due, revision, content)
SELECT $1, d.kind, d.id, $2, d.shopper, d.state, d.due, 1, d.content
FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[])
    AS d (kind, id, shopper, state, due, content)
