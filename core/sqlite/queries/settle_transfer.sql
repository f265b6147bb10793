UPDATE transfers SET settled = 1 WHERE id = ? AND kind = 'payment'
