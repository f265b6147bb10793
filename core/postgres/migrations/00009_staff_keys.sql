-- +goose Up

-- The keys and sessions of staff: of each secret only its SHA-256. Times are Unix milliseconds. A few thousand rows, which a
-- distributed Postgres keeps in one place.
CREATE TABLE staff_keys (
    id         text COLLATE "C" NOT NULL PRIMARY KEY,
    brand      text COLLATE "C" NOT NULL, -- '' for every brand
    kind       text             NOT NULL,
    person     text COLLATE "C" NOT NULL,
    role       text             NOT NULL,
    prefix     text             NOT NULL, -- how the secret begins
    sha256     bytea            NOT NULL UNIQUE,
    created_at bigint           NOT NULL,
    created_by text             NOT NULL,
    expires_at bigint           NOT NULL,
    revoked_at bigint           NOT NULL, -- 0: never
    revoked_by text             NOT NULL,
    ends_at    bigint           NOT NULL, -- the earlier of both
    replaces   text COLLATE "C" NOT NULL, -- the key that it was made to replace; '' for none
    revision   bigint           NOT NULL  -- that of all keys when it was last changed
);

CREATE INDEX staff_keys_by_revision ON staff_keys (revision);
CREATE INDEX staff_keys_by_end ON staff_keys (ends_at);
CREATE UNIQUE INDEX staff_keys_by_replaced ON staff_keys (replaces) WHERE replaces <> '';

-- One row that every change of a key raises: by it nodes learn that there is something to read, and changes commit in its order.
CREATE TABLE staff_key_revision (
    id       bigint NOT NULL PRIMARY KEY,
    revision bigint NOT NULL
) WITH (fillfactor = 10);

INSERT INTO staff_key_revision (id, revision) VALUES (1, 0);
