SELECT id, kind, from_, to_, currency, amount, campaign, order_id, at, settled, request FROM transfers WHERE id = ANY ($1::text[])
