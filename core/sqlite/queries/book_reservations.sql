SELECT shopper, at, position FROM reservations WHERE campaign = ? ORDER BY shopper
