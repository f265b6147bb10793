SELECT shopper, owner FROM claims WHERE campaign = $1 AND brand = $2 AND kind = 'order'
