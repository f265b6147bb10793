SELECT shopper, owner FROM claims WHERE campaign = ? AND brand = ? AND kind = 'order'
