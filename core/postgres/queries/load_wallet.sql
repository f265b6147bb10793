SELECT currency, balance FROM accounts WHERE name = $1
