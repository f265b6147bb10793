INSERT INTO reservations (campaign, shopper, brand, at, position) VALUES (?, ?, ?, ?, ?)
