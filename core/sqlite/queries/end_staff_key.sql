UPDATE staff_keys
SET expires_at = ?3, revoked_at = ?4, revoked_by = ?5, ends_at = ?6,
    revision = (SELECT revision FROM staff_key_revision WHERE id = 1)
WHERE id = ?1 AND brand = ?2 AND revision = ?7
