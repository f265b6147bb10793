INSERT INTO transfers (id, kind, from_, to_, currency, amount, campaign, order_id, at, settled, request)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
