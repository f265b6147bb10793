-- +goose Up

-- The bytes of the mechanics that rulesets took from the binary that stored them, under what they are: rulesets share them, and
-- none is ever deleted. A few rows, which a distributed Postgres may put anywhere.
CREATE TABLE artefacts (
    digest text COLLATE "C" NOT NULL PRIMARY KEY,
    kind   text             NOT NULL,
    bytes  bytea            NOT NULL
);
