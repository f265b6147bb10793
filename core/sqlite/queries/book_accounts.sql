SELECT name, currency, balance FROM accounts ORDER BY name, currency
