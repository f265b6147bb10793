SELECT a.name
FROM accounts AS a JOIN unnest($1::text[], $2::text[]) AS n (name, currency) ON a.name = n.name AND a.currency = n.currency
ORDER BY a.name, a.currency
FOR UPDATE OF a
