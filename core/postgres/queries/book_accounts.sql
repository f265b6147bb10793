SELECT name, currency, balance FROM accounts
