UPDATE arrivals SET shopper = $4 WHERE campaign = $1 AND brand = $2 AND shopper = $3
