SELECT campaign, brand, subject, node, content
FROM reports
WHERE campaign = $1 AND brand = $2 AND position($3 IN content) > 0
ORDER BY subject, node
