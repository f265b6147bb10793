-- For this transaction only, and so without a trace behind a pooler. It bounds every statement's wait for locks, but
-- not the commit: once a commit has begun, giving up would leave it acknowledged on one replica only.
SELECT set_config('statement_timeout', $1, true)
