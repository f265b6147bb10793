-- One that is there stays as it is.
INSERT INTO documents (campaign, kind, id, brand, shopper, state, due, revision, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
