-- +goose Up

-- Who joined a campaign's waiting room, in the order of joining: number counts from 1 without gaps in each campaign, and
-- turn says the how manyth time it is for the shopper. Rows are never changed, so whatever a node derives from them is what
-- every other does.
CREATE TABLE arrivals (
    campaign text COLLATE "C" NOT NULL,
    shopper  text COLLATE "C" NOT NULL,
    turn     bigint NOT NULL,
    brand    text NOT NULL,
    number   bigint NOT NULL,
    at       bigint NOT NULL, -- Unix milliseconds
    PRIMARY KEY (campaign, shopper, turn)
);

CREATE UNIQUE INDEX arrivals_in_order ON arrivals (campaign, number);
