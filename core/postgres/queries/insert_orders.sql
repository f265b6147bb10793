INSERT INTO orders (campaign, id, brand, shopper, currency, total, lines, takes, claims, quote, placed_at,
                    revision, state, takes_state, hold_until, updated_at, dues, conditions)
SELECT $1, o.id, $2, o.shopper, o.currency, o.total, o.lines, o.takes, o.claims, o.quote, o.placed_at,
       o.revision, o.state, o.takes_state, o.hold_until, o.updated_at, o.dues, o.conditions
FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[],
            $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::bigint[], $16::bigint[], $17::text[], $18::text[])
    AS o (id, shopper, currency, total, lines, takes, claims, quote, placed_at,
          revision, state, takes_state, hold_until, updated_at, dues, conditions)
