-- The key backwards.
SELECT campaign, revision, epoch, at, orders, content
FROM rollouts
WHERE campaign = ?1 AND revision < ?2
ORDER BY revision DESC
LIMIT ?3
