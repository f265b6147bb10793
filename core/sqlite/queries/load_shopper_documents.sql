-- The lists of shoppers ?3 and kinds ?4 are JSON and sorted; each pair is one range of the index. CROSS JOIN keeps the
-- lists outside, in their order.
SELECT d.kind, d.id, d.shopper, d.state, d.due, d.revision, d.content
FROM json_each(?3) AS asked CROSS JOIN json_each(?4) AS kinds
CROSS JOIN documents AS d ON d.campaign = ?1 AND d.brand = ?2 AND d.shopper = asked.value AND d.kind = kinds.value AND d.shopper <> ''
ORDER BY asked.key, kinds.key, d.id
