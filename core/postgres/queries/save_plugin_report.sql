INSERT INTO plugin_reports (brand, digest, version, accepted, at, document) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (brand, digest, version)
DO UPDATE SET accepted = excluded.accepted, at = excluded.at, document = excluded.document
