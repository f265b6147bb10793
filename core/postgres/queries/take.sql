-- An epoch of 0 follows pinned quotes and is not fenced. The table's checks refuse what does not fit, the division a
-- counter that is not there.
WITH moved AS (
    UPDATE counters
    SET remaining = remaining - $4::bigint, seen = CASE $5::bigint WHEN 0 THEN epoch ELSE $5 END
    WHERE campaign = $1 AND brand = $2 AND key = $3
    RETURNING remaining, limit_
)
SELECT max(remaining), max(limit_), 1 / count(*) FROM moved
