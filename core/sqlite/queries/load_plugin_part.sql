SELECT t.bytes
FROM plugins AS p
JOIN plugin_parts AS t ON t.brand = p.brand AND t.upload = p.upload
WHERE p.brand = ? AND p.digest = ? AND t.number = ?
