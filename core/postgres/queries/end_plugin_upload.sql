DELETE FROM plugin_uploads WHERE brand = $1 AND id = $2
