DELETE FROM refusals WHERE campaign = ?1 AND brand = ?2 AND id = ?3
