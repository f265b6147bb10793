-- Empty arguments ask for everything. A report's document is long: it is read only where it is asked for.
SELECT p.brand, p.digest, p.size, p.state, p.name, p.upload, p.uploaded_at, p.uploaded_by, p.decided_at, p.decided_by,
       p.reason, p.revision, p.holder, p.lease_until, p.attempts, p.author, p.terms, p.signing_key, p.signature,
       coalesce(k.public_key, x''), coalesce(k.revoked_at, 0), coalesce(k.created_by, ''),
       (SELECT json_group_array(json_object('by', a.person, 'credential', a.credential, 'at', a.at, 'reason', a.reason))
        FROM plugin_approvals AS a
        WHERE a.brand = p.brand AND a.digest = p.digest AND a.voided_at = 0),
       (SELECT json_group_array(json_object('by', s.person, 'deed', s.deed, 'at', s.at))
        FROM plugin_senders AS s
        WHERE s.brand = p.brand AND s.digest = p.digest),
       coalesce(r.version, ''), coalesce(r.accepted, 0),
       coalesce(r.at, 0), CASE WHEN ?8 THEN coalesce(r.document, '') ELSE '' END
FROM plugins AS p
LEFT JOIN plugin_reports AS r
       ON r.brand = p.brand AND r.digest = p.digest AND r.version = coalesce(json_extract(?10, '$."' || p.digest || '"'), ?7)
LEFT JOIN signing_keys AS k ON k.brand = p.brand AND k.id = p.signing_key
WHERE (?1 = '' OR p.brand = ?1) AND (?2 = '' OR p.digest = ?2) AND (NOT ?3 OR p.state IN ('uploaded', 'vetting'))
  AND (?11 = '' OR p.state = ?11) AND (?12 = 0 OR p.expires_at > 0 AND p.expires_at <= ?12)
  AND (?13 = '' OR p.signing_key = ?13)
  AND (p.uploaded_at, p.brand, p.digest) < (?4, ?5, ?6)
ORDER BY p.uploaded_at DESC, p.brand DESC, p.digest DESC
LIMIT ?9
