DELETE FROM plugin_parts WHERE brand = ? AND upload = ?
