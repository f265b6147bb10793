SELECT shopper, kind, key, owner, fingerprint FROM claims WHERE campaign = $1 AND brand = $2
