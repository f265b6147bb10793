SELECT campaign, brand, second, node, content
FROM samples
WHERE campaign = $1 AND second >= $2 AND second < $3
ORDER BY second, node
