UPDATE staff_log SET seq = $2, hash = $3 WHERE id = $1 AND brand = $4 AND seq IS NULL
