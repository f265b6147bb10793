UPDATE plugin_uploads SET parts = parts + 1 WHERE brand = $1 AND id = $2 AND parts = $3
