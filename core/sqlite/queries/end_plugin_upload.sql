DELETE FROM plugin_uploads WHERE brand = ? AND id = ?
