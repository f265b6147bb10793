-- New accounts first, empty and in order: the check on balances also looks at rows that are only proposed.
INSERT INTO accounts (name, currency, balance)
SELECT name, currency, 0 FROM unnest($1::text[], $2::text[]) AS a (name, currency)
ON CONFLICT DO NOTHING
