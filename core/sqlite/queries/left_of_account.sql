SELECT count(*) FROM accounts WHERE name = ?1
