INSERT INTO samples (campaign, second, node, brand, content) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (campaign, second, node) DO UPDATE SET content = excluded.content WHERE samples.brand = excluded.brand
