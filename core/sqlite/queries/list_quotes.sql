-- As bytes: a text would be copied once more.
SELECT id, CAST(quote AS BLOB) FROM orders WHERE campaign = ?1 AND id > ?2 ORDER BY id LIMIT ?3
