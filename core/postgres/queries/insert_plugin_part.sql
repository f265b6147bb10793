INSERT INTO plugin_parts (brand, upload, number, bytes) VALUES ($1, $2, $3, $4)
