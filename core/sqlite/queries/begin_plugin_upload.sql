INSERT INTO plugin_uploads (brand, id, begun_at, parts) VALUES (?, ?, ?, 1)
