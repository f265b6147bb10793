SELECT campaign, revision, epoch, at, orders, content FROM rollouts WHERE campaign = ? ORDER BY revision
