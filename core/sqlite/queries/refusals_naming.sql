SELECT campaign, id, brand, at, code, reason, content
FROM refusals
WHERE campaign = ?1 AND brand = ?2 AND id > ?4 AND instr(content, ?3) > 0
ORDER BY id
LIMIT ?5
