-- The division fails if one of the accounts is not there any more: its shopper was erased in between.
WITH moved AS (
    UPDATE accounts AS a
    SET balance = a.balance + n.amount
    FROM unnest($1::text[], $2::text[], $3::bigint[]) AS n (name, currency, amount)
    WHERE a.name = n.name AND a.currency = n.currency
    RETURNING 1
)
SELECT 1 / (CASE WHEN count(*) = cardinality($1::text[]) THEN 1 ELSE 0 END) FROM moved
