SELECT id, kind, from_, to_, currency, amount, campaign, order_id, at, settled, request
FROM transfers
WHERE (from_ = $1 OR to_ = $1) AND id > $2
ORDER BY id
LIMIT $3
