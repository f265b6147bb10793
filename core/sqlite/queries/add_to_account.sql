UPDATE accounts SET balance = balance + ?3 WHERE name = ?1 AND currency = ?2
