SELECT kind, id, shopper, state, due, revision, content FROM documents WHERE campaign = $1 AND brand = $2 ORDER BY kind, id
