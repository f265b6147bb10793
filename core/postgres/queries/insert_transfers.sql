INSERT INTO transfers (id, kind, from_, to_, currency, amount, campaign, order_id, at, settled, request)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
                     $9::bigint[], $10::boolean[], $11::text[])
