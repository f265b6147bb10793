-- What the campaign knows of the shoppers in the JSON list ?3, in one statement and so in one snapshot. CROSS JOIN
-- keeps the list outside: one seek of the primary key a shopper and table. A reservation is a row without a kind.
SELECT c.shopper, c.kind, c.key, c.owner, c.fingerprint, 0, 0
FROM json_each(?3) AS asked CROSS JOIN claims AS c ON c.campaign = ?1 AND c.brand = ?2 AND c.shopper = asked.value
UNION ALL
SELECT r.shopper, '', '', '', '', r.at, r.position
FROM json_each(?3) AS asked CROSS JOIN reservations AS r ON r.campaign = ?1 AND r.brand = ?2 AND r.shopper = asked.value
