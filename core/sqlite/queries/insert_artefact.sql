INSERT INTO artefacts (digest, kind, bytes) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
