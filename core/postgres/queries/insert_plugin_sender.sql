INSERT INTO plugin_senders (brand, digest, person, deed, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
