UPDATE plugins
SET state = ?3, name = ?4, decided_at = ?5, decided_by = ?6, reason = ?7, holder = ?8, lease_until = ?9, attempts = ?10,
    upload = ?12, author = ?13, terms = ?14, expires_at = ?15, signing_key = ?16, signature = ?17, revision = revision + 1
WHERE brand = ?1 AND digest = ?2 AND revision = ?11
