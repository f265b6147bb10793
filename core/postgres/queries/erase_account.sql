-- Its rows are locked before its transfers change: who moves money writes the transfer first and the balance last, and finds
-- no balance under this name any more, which fails.
UPDATE accounts SET name = $2 WHERE name = $1 AND balance = 0
