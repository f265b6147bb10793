SELECT campaign, brand, subject, node, content FROM reports WHERE campaign = ?1 AND brand = ?2 AND subject = ?3 ORDER BY node
