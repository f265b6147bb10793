-- +goose Up

-- The staff log becomes a chain: its rows are numbered over all campaigns, and each has a hash over its content and the hash of
-- the row before it. Rows from before get both when the migration is done, in the order of their ids. credential and address
-- say by which key or session, and from which IP address.
ALTER TABLE staff_log
    ADD COLUMN seq        bigint,
    ADD COLUMN credential text NOT NULL DEFAULT '',
    ADD COLUMN address    text NOT NULL DEFAULT '',
    ADD COLUMN hash       text NOT NULL DEFAULT '';

CREATE UNIQUE INDEX staff_log_by_seq ON staff_log (seq);
CREATE INDEX staff_log_by_brand ON staff_log (brand, seq);
CREATE INDEX staff_log_by_campaign ON staff_log (campaign, seq);
CREATE INDEX staff_log_by_id ON staff_log (id) WHERE seq IS NULL;

-- Where the log ends. Whoever appends locks this row, after everything else that it locks. deployment names this database and
-- its copies.
CREATE TABLE staff_log_head (
    one        smallint NOT NULL PRIMARY KEY CHECK (one = 1),
    deployment text     NOT NULL,
    seq        bigint   NOT NULL,
    hash       text     NOT NULL
) WITH (fillfactor = 10);

INSERT INTO staff_log_head (one, deployment, seq, hash) VALUES (1, gen_random_uuid()::text, 0, '');

-- Rows that have their number stay as they are. It stops mistakes, not an owner of the table, who can drop a rule: that is what
-- the chain and its exported heads are for. The text is what the server answers, as a number that it is not.
CREATE RULE staff_log_keeps AS ON UPDATE TO staff_log WHERE old.seq IS NOT NULL
    DO INSTEAD SELECT ('the staff log is only appended to: row ' || old.seq || ' stays as it is')::bigint;
CREATE RULE staff_log_loses_nothing AS ON DELETE TO staff_log
    DO INSTEAD SELECT ('the staff log is only appended to: row ' || coalesce(old.seq, 0) || ' stays')::bigint;
