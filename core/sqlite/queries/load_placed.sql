SELECT shopper, owner FROM claims WHERE campaign = ? AND kind = 'order'
