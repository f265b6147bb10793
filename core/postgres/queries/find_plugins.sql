-- Empty arguments ask for everything. A report's document is long: it is read only where it is asked for.
SELECT p.brand, p.digest, p.size, p.state, p.name, p.upload, p.uploaded_at, p.uploaded_by, p.decided_at, p.decided_by,
       p.reason, p.revision, p.holder, p.lease_until, p.attempts, p.author, p.terms, p.signing_key, p.signature,
       coalesce(k.public_key, ''::bytea), coalesce(k.revoked_at, 0), coalesce(k.created_by, ''),
       (SELECT coalesce(json_agg(json_build_object('by', a.person, 'credential', a.credential, 'at', a.at, 'reason', a.reason)), '[]')::text
        FROM plugin_approvals AS a
        WHERE a.brand = p.brand AND a.digest = p.digest AND a.voided_at = 0),
       (SELECT coalesce(json_agg(json_build_object('by', s.person, 'deed', s.deed, 'at', s.at)), '[]')::text
        FROM plugin_senders AS s
        WHERE s.brand = p.brand AND s.digest = p.digest),
       coalesce(r.version, ''), coalesce(r.accepted, FALSE),
       coalesce(r.at, 0), CASE WHEN $8::boolean THEN coalesce(r.document, '') ELSE '' END
FROM plugins AS p
LEFT JOIN plugin_reports AS r
       ON r.brand = p.brand AND r.digest = p.digest AND r.version = coalesce($10::text::jsonb ->> p.digest, $7)
LEFT JOIN signing_keys AS k ON k.brand = p.brand AND k.id = p.signing_key
WHERE ($1::text = '' OR p.brand = $1) AND ($2::text = '' OR p.digest = $2)
  AND (NOT $3::boolean OR p.state IN ('uploaded', 'vetting'))
  AND ($11::text = '' OR p.state = $11) AND ($12::bigint = 0 OR p.expires_at > 0 AND p.expires_at <= $12)
  AND ($13::text = '' OR p.signing_key = $13)
  AND (p.uploaded_at, p.brand, p.digest) < ($4::bigint, $5::text, $6::text)
ORDER BY p.uploaded_at DESC, p.brand DESC, p.digest DESC
LIMIT $9
