UPDATE accounts AS a
SET balance = a.balance + n.amount
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS n (name, currency, amount)
WHERE a.name = n.name AND a.currency = n.currency
