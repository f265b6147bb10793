SELECT campaign, revision, epoch, at, orders, content
FROM rollouts
WHERE campaign = ?1 AND brand = ?2 AND number = ?3
ORDER BY revision
LIMIT 1
