-- Every brand's rows: one chain runs through all.
SELECT id, coalesce(seq, 0), hash, at, actor, role, credential, address, brand, campaign, action, reason, before_, after_
FROM staff_log
WHERE seq IS NULL AND id > ?1
ORDER BY id
LIMIT ?2
