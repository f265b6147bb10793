-- Brands take turns: first comes the one that was vetted, or had an attempt that failed, the longest ago. A lease says when
-- that was while there is no report. Approvals and senders are not read: what is vetted
-- keeps those that it has.
WITH due AS (
    SELECT p.*
    FROM plugins AS p
    WHERE p.lease_until <= $1
      AND (p.state IN ('uploaded', 'vetting')
        OR p.state IN ('vetted', 'approved') AND NOT EXISTS (
            SELECT 1 FROM plugin_reports AS r
            WHERE r.brand = p.brand AND r.digest = p.digest AND r.version = coalesce($4::text::jsonb ->> p.digest, $2)))
),
turns AS (
    SELECT b.brand, greatest(
        (SELECT coalesce(max(p.lease_until), 0) FROM plugins AS p WHERE p.brand = b.brand),
        (SELECT coalesce(max(r.at), 0) FROM plugin_reports AS r WHERE r.brand = b.brand)) AS last
    FROM (SELECT DISTINCT brand FROM due) AS b
)
SELECT d.brand, d.digest, d.size, d.state, d.name, d.upload, d.uploaded_at, d.uploaded_by, d.decided_at, d.decided_by,
       d.reason, d.revision, d.holder, d.lease_until, d.attempts, d.author, d.terms, d.signing_key, d.signature,
       ''::bytea, 0::bigint, '', '[]', '[]', '', FALSE, 0::bigint, ''
FROM due AS d
JOIN turns AS t ON t.brand = d.brand
ORDER BY d.state = 'approved' DESC, t.last, d.uploaded_at, d.brand, d.digest
LIMIT $3
