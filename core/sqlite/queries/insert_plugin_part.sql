INSERT INTO plugin_parts (brand, upload, number, bytes) VALUES (?, ?, ?, ?)
