-- An epoch of 0 follows pinned quotes and is not fenced. The table's checks refuse what does not fit.
UPDATE counters
SET remaining = remaining - ?3, seen = CASE ?4 WHEN 0 THEN epoch ELSE ?4 END
WHERE campaign = ?1 AND key = ?2
RETURNING remaining, limit_
