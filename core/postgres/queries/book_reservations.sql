SELECT shopper, at, position FROM reservations WHERE campaign = $1 AND brand = $2
