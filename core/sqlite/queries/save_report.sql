INSERT INTO reports (campaign, subject, node, brand, content) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (campaign, subject, node) DO UPDATE SET content = excluded.content WHERE reports.brand = excluded.brand
