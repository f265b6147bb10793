UPDATE staff_log_head SET seq = ?1, hash = ?2 WHERE one = 1
