SELECT kind, id, shopper, state, due, revision, content FROM documents WHERE campaign = ? ORDER BY kind, id
