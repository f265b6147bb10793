-- The arrivals of the shoppers in the JSON list ?3, each shopper's last turn at the end.
SELECT a.shopper, a.turn, a.number, a.at
FROM json_each(?3) AS asked CROSS JOIN arrivals AS a ON a.campaign = ?1 AND a.brand = ?2 AND a.shopper = asked.value
ORDER BY a.shopper, a.turn
