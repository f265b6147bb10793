INSERT INTO arrivals (campaign, shopper, turn, brand, number, at) VALUES (?, ?, ?, ?, ?, ?)
