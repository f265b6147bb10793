UPDATE reports SET content = ?5 WHERE campaign = ?1 AND brand = ?2 AND subject = ?3 AND node = ?4
