-- An epoch of 0 follows pinned quotes and is not fenced. The table's checks refuse what does not fit.
UPDATE counters
SET remaining = remaining - ?4, seen = CASE ?5 WHEN 0 THEN epoch ELSE ?5 END
WHERE campaign = ?1 AND brand = ?2 AND key = ?3
RETURNING remaining, limit_
