DELETE FROM plugin_uploads WHERE begun_at < ?
