-- "" picks every brand.
SELECT l.id, l.seq, l.hash, l.at, l.actor, l.role, l.credential, l.address, l.brand, l.campaign, l.action, l.reason, l.before_, l.after_,
       coalesce((SELECT p.hash FROM staff_log AS p WHERE p.seq = l.seq - 1), '')
FROM staff_log AS l
WHERE l.seq > $1 AND l.seq < $2 AND l.at >= $3
  AND ($4 = '' OR l.brand = $4) AND ($5 = '' OR l.campaign = $5) AND ($6 = '' OR l.actor = $6) AND ($7 = '' OR l.action = $7)
ORDER BY l.seq DESC
LIMIT $8
