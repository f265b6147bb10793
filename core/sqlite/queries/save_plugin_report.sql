INSERT INTO plugin_reports (brand, digest, version, accepted, at, document) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (brand, digest, version)
DO UPDATE SET accepted = excluded.accepted, at = excluded.at, document = excluded.document
