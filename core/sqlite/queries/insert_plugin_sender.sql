INSERT INTO plugin_senders (brand, digest, person, deed, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
