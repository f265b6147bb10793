UPDATE signing_keys SET revoked_at = $3, revoked_by = $4, reason = $5 WHERE brand = $1 AND id = $2 AND revoked_at = 0
