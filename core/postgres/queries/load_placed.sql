SELECT shopper, owner FROM claims WHERE campaign = $1 AND kind = 'order'
