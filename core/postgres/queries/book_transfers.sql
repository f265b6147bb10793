SELECT id, kind, from_, to_, currency, amount, campaign, order_id, at, settled FROM transfers ORDER BY id
