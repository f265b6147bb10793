SELECT campaign, revision, epoch, at, orders, content FROM rollouts WHERE campaign = ? AND brand = ? ORDER BY revision
