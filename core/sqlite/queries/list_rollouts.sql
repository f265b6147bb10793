-- The key backwards.
SELECT campaign, revision, epoch, at, orders, content
FROM rollouts
WHERE campaign = ?1 AND brand = ?2 AND revision < ?3
ORDER BY revision DESC
LIMIT ?4
