SELECT shopper, turn, number, at FROM arrivals WHERE campaign = ?1 AND brand = ?2
