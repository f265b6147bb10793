SELECT shopper, kind, key, owner, fingerprint FROM claims WHERE campaign = ? AND brand = ? ORDER BY shopper, kind, key
