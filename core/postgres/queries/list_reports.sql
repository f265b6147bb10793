SELECT campaign, brand, subject, node, content FROM reports WHERE campaign = $1 AND subject = $2 ORDER BY node
