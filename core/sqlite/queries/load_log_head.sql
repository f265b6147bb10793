SELECT seq, hash, deployment FROM staff_log_head WHERE one = 1
