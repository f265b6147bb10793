-- All of the campaign's counters, in the order of their keys, if any has another epoch or another limit than it shall have; else
-- none: what stays as it is makes no order wait. A counter that is not named shall be limited to what is taken.
SELECT key
FROM counters
WHERE campaign = $1 AND brand = $2 AND EXISTS (
    SELECT 1
    FROM counters AS c LEFT JOIN unnest($4::text[], $5::bigint[]) AS l (key, limit_) ON l.key = c.key
    WHERE c.campaign = $1 AND c.brand = $2 AND (c.epoch <> $3 OR c.limit_ <> coalesce(l.limit_, c.limit_ - c.remaining)))
ORDER BY key
FOR UPDATE
