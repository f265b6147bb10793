-- Nothing is inserted when as many keys are live as there may be: of all, of the brand, of the person in this kind.
INSERT INTO staff_keys (id, kind, person, role, brand, prefix, sha256, created_at, created_by, expires_at, revoked_at, revoked_by,
                        ends_at, replaces, revision)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, '', ?10, ?11,
       (SELECT revision FROM staff_key_revision WHERE id = 1)
WHERE (SELECT count(*) FROM staff_keys WHERE ends_at > ?12) < ?13
  AND (SELECT count(*) FROM staff_keys WHERE ends_at > ?12 AND brand = ?5) < ?14
  AND (SELECT count(*) FROM staff_keys WHERE ends_at > ?12 AND brand = ?5 AND person = ?3 AND kind = ?2) < ?15
