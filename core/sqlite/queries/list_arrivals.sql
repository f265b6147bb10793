SELECT shopper, turn, number, at
FROM arrivals
WHERE campaign = ?1 AND brand = ?2 AND number > ?3
ORDER BY number
LIMIT ?4
