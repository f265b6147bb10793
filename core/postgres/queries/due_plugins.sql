SELECT p.brand, p.digest, p.size, p.state, p.name, p.upload, p.uploaded_at, p.uploaded_by, p.decided_at, p.decided_by,
       p.reason, p.revision, p.holder, p.lease_until, p.attempts, '', FALSE, 0::bigint, ''
FROM plugins AS p
WHERE p.lease_until <= $1
  AND (p.state IN ('uploaded', 'vetting')
    OR p.state IN ('vetted', 'approved') AND NOT EXISTS (
        SELECT 1 FROM plugin_reports AS r WHERE r.brand = p.brand AND r.digest = p.digest AND r.version = $2))
ORDER BY p.state = 'approved' DESC, p.uploaded_at, p.brand, p.digest
LIMIT $3
