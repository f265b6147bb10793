-- +goose Up

-- Who joined a campaign's waiting room, in the order of joining: number counts from 1 without gaps in each campaign, and
-- turn says the how manyth time it is for the shopper. Rows are never changed, so whatever a node derives from them is what
-- every other does.
CREATE TABLE arrivals (
    campaign TEXT NOT NULL,
    shopper  TEXT NOT NULL,
    turn     INTEGER NOT NULL,
    brand    TEXT NOT NULL,
    number   INTEGER NOT NULL,
    at       INTEGER NOT NULL, -- Unix milliseconds
    PRIMARY KEY (campaign, shopper, turn)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX arrivals_in_order ON arrivals (campaign, number);
