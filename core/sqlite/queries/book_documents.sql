SELECT kind, id, shopper, state, due, revision, content FROM documents WHERE campaign = ? AND brand = ? ORDER BY kind, id
