SELECT shopper, kind, key, owner, fingerprint FROM claims WHERE campaign = ? ORDER BY shopper, kind, key
