DELETE FROM plugin_parts
WHERE (brand, upload) IN (SELECT brand, id FROM plugin_uploads WHERE begun_at < ?)
