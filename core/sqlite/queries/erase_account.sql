UPDATE accounts SET name = ?2 WHERE name = ?1 AND balance = 0
