-- +goose Up

-- Every table carries the campaign first in its key, and the brand. Times are Unix milliseconds, amounts minor units.
-- STRICT makes an integer that overflows an error instead of a float.

CREATE TABLE campaigns (
    id         TEXT    NOT NULL PRIMARY KEY,
    brand      TEXT    NOT NULL,
    revision   INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    ruleset    INTEGER NOT NULL,
    definition TEXT    NOT NULL, -- JSON
    demo       INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rulesets (
    campaign TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    brand    TEXT    NOT NULL,
    content  TEXT    NOT NULL, -- JSON
    PRIMARY KEY (campaign, number)
) STRICT;

CREATE TABLE staff_log (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    brand    TEXT    NOT NULL,
    campaign TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    actor    TEXT    NOT NULL,
    role     TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    before_  TEXT,             -- JSON
    after_   TEXT              -- JSON
) STRICT;

-- The second check is the fence: whoever writes says under which epoch it decided.
CREATE TABLE counters (
    campaign  TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    brand     TEXT    NOT NULL,
    limit_    INTEGER NOT NULL,
    remaining INTEGER NOT NULL,
    epoch     INTEGER NOT NULL,
    seen      INTEGER NOT NULL,
    PRIMARY KEY (campaign, key),
    CONSTRAINT counters_bounds CHECK (remaining >= 0 AND remaining <= limit_),
    CONSTRAINT counters_fence CHECK (seen = epoch)
) STRICT, WITHOUT ROWID;

-- The shopper comes second, so that what one shopper holds is one range of the key.
CREATE TABLE claims (
    campaign    TEXT NOT NULL,
    shopper     TEXT NOT NULL,
    kind        TEXT NOT NULL,
    key         TEXT NOT NULL,
    brand       TEXT NOT NULL,
    owner       TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (campaign, shopper, kind, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE reservations (
    campaign TEXT    NOT NULL,
    shopper  TEXT    NOT NULL,
    brand    TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (campaign, shopper)
) STRICT, WITHOUT ROWID;

-- Orders are wide and appended: a table with rowids takes them twice as fast as one without.
CREATE TABLE orders (
    campaign    TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    brand       TEXT    NOT NULL,
    shopper     TEXT    NOT NULL,
    currency    TEXT    NOT NULL,
    total       INTEGER NOT NULL,
    lines       TEXT    NOT NULL, -- JSON, like the next three
    takes       TEXT    NOT NULL,
    claims      TEXT    NOT NULL,
    quote       TEXT    NOT NULL,
    placed_at   INTEGER NOT NULL,
    revision    INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    takes_state TEXT    NOT NULL,
    hold_until  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    dues        TEXT    NOT NULL, -- JSON
    conditions  TEXT    NOT NULL, -- JSON
    PRIMARY KEY (campaign, id)
) STRICT;

CREATE INDEX orders_due ON orders (campaign, hold_until) WHERE state = 'placed';

CREATE TABLE accounts (
    name     TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    balance  INTEGER NOT NULL,
    PRIMARY KEY (name, currency),
    CONSTRAINT accounts_overdraft CHECK (balance >= 0 OR name = 'outside')
) STRICT, WITHOUT ROWID;

CREATE TABLE transfers (
    id       TEXT    NOT NULL PRIMARY KEY,
    kind     TEXT    NOT NULL,
    from_    TEXT    NOT NULL,
    to_      TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    amount   INTEGER NOT NULL CHECK (amount > 0),
    campaign TEXT    NOT NULL,
    order_id TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    settled  INTEGER NOT NULL
) STRICT;

CREATE INDEX transfers_unsettled ON transfers (at, id) WHERE kind = 'payment' AND NOT settled;
