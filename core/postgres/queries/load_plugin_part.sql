SELECT t.bytes
FROM plugins AS p
JOIN plugin_parts AS t ON t.brand = p.brand AND t.upload = p.upload
WHERE p.brand = $1 AND p.digest = $2 AND t.number = $3
