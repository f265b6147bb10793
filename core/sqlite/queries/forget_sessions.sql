-- Sessions of every brand that ended long ago; the staff log has that they were.
DELETE FROM staff_keys WHERE kind = 'session' AND ends_at < ?1
