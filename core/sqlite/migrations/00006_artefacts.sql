-- +goose Up

-- The bytes of the mechanics that rulesets took from the binary that stored them, under what they are: rulesets share them, and
-- none is ever deleted.
CREATE TABLE artefacts (
    digest TEXT NOT NULL PRIMARY KEY,
    kind   TEXT NOT NULL,
    bytes  BLOB NOT NULL
) STRICT;
