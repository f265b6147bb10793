SELECT campaign, revision, epoch, at, orders, content FROM rollouts WHERE campaign = $1 ORDER BY revision
