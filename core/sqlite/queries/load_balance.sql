SELECT balance FROM accounts WHERE name = ? AND currency = ?
