-- Whoever has read one of these before the key was revoked has to read it again.
UPDATE plugins SET revision = revision + 1 WHERE brand = $1 AND signing_key = $2
