SELECT t.id, t.kind, t.from_, t.to_, t.currency, t.amount, t.campaign, t.order_id, t.at, t.settled, t.request
FROM json_each(?) AS asked CROSS JOIN transfers AS t ON t.id = asked.value
