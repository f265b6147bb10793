INSERT INTO documents (campaign, kind, id, brand, shopper, state, due, revision, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
