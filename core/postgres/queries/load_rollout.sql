SELECT campaign, revision, epoch, at, orders, content
FROM rollouts
WHERE campaign = $1 AND number = $2
ORDER BY revision
LIMIT 1
