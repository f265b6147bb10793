-- What every node has in memory: the keys of all brands.
SELECT id, kind, person, role, brand, prefix, sha256, created_at, created_by, expires_at, revoked_at, revoked_by, replaces, revision
FROM staff_keys
WHERE revision > ?1 AND ends_at > ?2
ORDER BY revision, id
LIMIT ?3
