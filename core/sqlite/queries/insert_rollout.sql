-- After the counters: how many orders were ever placed is what the change's fence has let through.
INSERT INTO rollouts (campaign, revision, brand, epoch, number, at, orders, content)
VALUES (?1, ?2, ?3, ?4, ?5, ?6,
        coalesce((SELECT limit_ - remaining FROM counters WHERE campaign = ?1 AND brand = ?3 AND key = 'orders'), 0), ?7)
