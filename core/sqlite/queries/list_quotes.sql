-- As bytes: a text would be copied once more.
SELECT id, CAST(quote AS BLOB) FROM orders WHERE campaign = ?1 AND brand = ?2 AND id > ?3 ORDER BY id LIMIT ?4
