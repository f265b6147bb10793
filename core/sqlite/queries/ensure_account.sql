INSERT INTO accounts (name, currency, balance) VALUES (?, ?, 0) ON CONFLICT DO NOTHING
