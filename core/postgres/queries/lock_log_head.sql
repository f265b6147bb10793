-- The last lock of every transaction that takes it. Whoever has it waits for nothing but the disk.
SELECT seq, hash FROM staff_log_head WHERE one = 1 FOR UPDATE
