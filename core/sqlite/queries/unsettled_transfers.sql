SELECT id, kind, from_, to_, currency, amount, campaign, order_id, at, settled, request
FROM transfers
WHERE kind = 'payment' AND NOT settled AND at < ?
ORDER BY at, id
LIMIT ?
