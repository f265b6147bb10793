-- Every brand's rows: one chain runs through all.
SELECT id, seq, hash, at, actor, role, credential, address, brand, campaign, action, reason, before_, after_
FROM staff_log
WHERE (seq, id) > ($1, $2)
ORDER BY seq, id
LIMIT $3
