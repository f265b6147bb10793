SELECT currency, balance FROM accounts WHERE name = ?
