SELECT campaign, brand, second, node, content
FROM samples
WHERE campaign = $1 AND brand = $2 AND second >= $3 AND second < $4
ORDER BY second, node
