DELETE FROM plugin_parts WHERE brand = $1 AND upload = $2
