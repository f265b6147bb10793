-- +goose Up

-- The staff log becomes a chain: its rows are numbered over all campaigns, and each has a hash over its content and the hash of
-- the row before it. Rows from before get both when the migration is done, in the order of their ids. credential and address
-- say by which key or session, and from which IP address.
ALTER TABLE staff_log ADD COLUMN seq INTEGER;
ALTER TABLE staff_log ADD COLUMN credential TEXT NOT NULL DEFAULT '';
ALTER TABLE staff_log ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE staff_log ADD COLUMN hash TEXT NOT NULL DEFAULT '';

CREATE UNIQUE INDEX staff_log_by_seq ON staff_log (seq);
CREATE INDEX staff_log_by_brand ON staff_log (brand, seq);
CREATE INDEX staff_log_by_campaign ON staff_log (campaign, seq);
CREATE INDEX staff_log_by_id ON staff_log (id) WHERE seq IS NULL;

-- Where the log ends. deployment names this database and its copies.
CREATE TABLE staff_log_head (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    deployment TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    hash       TEXT    NOT NULL
) STRICT;

INSERT INTO staff_log_head (one, deployment, seq, hash) VALUES (1, lower(hex(randomblob(16))), 0, '');

-- Rows that have their number stay as they are. It stops mistakes, not whoever has the file, who can drop a trigger: that is
-- what the chain and its exported heads are for.
-- +goose StatementBegin
CREATE TRIGGER staff_log_keeps BEFORE UPDATE ON staff_log WHEN old.seq IS NOT NULL
BEGIN
    SELECT raise(ABORT, 'the staff log is only appended to');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER staff_log_loses_nothing BEFORE DELETE ON staff_log
BEGIN
    SELECT raise(ABORT, 'the staff log is only appended to');
END;
-- +goose StatementEnd
