SELECT campaign, brand, subject, node, content
FROM reports
WHERE campaign = ?1 AND brand = ?2 AND instr(content, ?3) > 0
ORDER BY subject, node
