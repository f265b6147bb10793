-- An epoch of 0 follows pinned quotes and is not fenced. The table's checks refuse what does not fit, the division a
-- counter that is not there.
WITH moved AS (
    UPDATE counters
    SET remaining = remaining - $3::bigint, seen = CASE $4::bigint WHEN 0 THEN epoch ELSE $4 END
    WHERE campaign = $1 AND key = $2
    RETURNING remaining, limit_
)
SELECT max(remaining), max(limit_), 1 / count(*) FROM moved
