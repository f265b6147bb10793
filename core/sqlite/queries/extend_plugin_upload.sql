UPDATE plugin_uploads SET parts = parts + 1 WHERE brand = ? AND id = ? AND parts = ?
