INSERT INTO claims (campaign, shopper, kind, key, brand, owner, fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?)
