SELECT shopper, at, position FROM reservations WHERE campaign = ? AND brand = ? ORDER BY shopper
