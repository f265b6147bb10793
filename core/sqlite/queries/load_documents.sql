-- The list ?3 is JSON, a pair of kind and id each. CROSS JOIN keeps it outside: one seek of the key a document.
SELECT d.kind, d.id, d.shopper, d.state, d.due, d.revision, d.content
FROM json_each(?3) AS asked
CROSS JOIN documents AS d ON d.campaign = ?1 AND d.brand = ?2 AND d.kind = asked.value ->> 0 AND d.id = asked.value ->> 1
