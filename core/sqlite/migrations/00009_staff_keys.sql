-- +goose Up

-- The keys and sessions of staff: of each secret only its SHA-256. Times are Unix milliseconds.
CREATE TABLE staff_keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    brand      TEXT    NOT NULL, -- '' for every brand
    kind       TEXT    NOT NULL,
    person     TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    prefix     TEXT    NOT NULL, -- how the secret begins
    sha256     BLOB    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL, -- 0: never
    revoked_by TEXT    NOT NULL,
    ends_at    INTEGER NOT NULL, -- the earlier of both
    replaces   TEXT    NOT NULL, -- the key that it was made to replace; '' for none
    revision   INTEGER NOT NULL  -- that of all keys when it was last changed
) STRICT, WITHOUT ROWID;

CREATE INDEX staff_keys_by_revision ON staff_keys (revision);
CREATE INDEX staff_keys_by_end ON staff_keys (ends_at);
CREATE UNIQUE INDEX staff_keys_by_replaced ON staff_keys (replaces) WHERE replaces <> '';

-- One row that every change of a key raises: by it nodes learn that there is something to read, and changes commit in its order.
CREATE TABLE staff_key_revision (
    id       INTEGER NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL
) STRICT;

INSERT INTO staff_key_revision (id, revision) VALUES (1, 0);
