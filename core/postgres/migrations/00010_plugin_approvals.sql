-- +goose Up

-- What a plugin's approvals are bound to, and who is said to have made it. Its terms are JSON, '' while nobody has approved
-- it; expires_at is theirs, 0 for none.
ALTER TABLE plugins
    ADD COLUMN author      text             NOT NULL DEFAULT '',
    ADD COLUMN terms       text             NOT NULL DEFAULT '',
    ADD COLUMN expires_at  bigint           NOT NULL DEFAULT 0,
    ADD COLUMN signing_key text COLLATE "C" NOT NULL DEFAULT '', -- the id of the key that signed it; '' for none
    ADD COLUMN signature   bytea            NOT NULL DEFAULT ''::bytea;

-- One person's agreement to a plugin on the terms, JSON. Those that count are not voided: a person has one of them.
CREATE TABLE plugin_approvals (
    brand      text COLLATE "C" NOT NULL,
    digest     text COLLATE "C" NOT NULL,
    revision   bigint           NOT NULL, -- the plugin's, which the approval led to
    person     text COLLATE "C" NOT NULL,
    credential text             NOT NULL,
    at         bigint           NOT NULL,
    reason     text             NOT NULL,
    terms      text             NOT NULL,
    voided_at  bigint           NOT NULL, -- 0 while it counts
    void       text             NOT NULL, -- why it counts no more
    PRIMARY KEY (brand, digest, revision)
);

CREATE UNIQUE INDEX plugin_approvals_of_a_person ON plugin_approvals (brand, digest, person) WHERE voided_at = 0;

-- The public keys by which brands sign their plugins. None is ever deleted.
CREATE TABLE signing_keys (
    brand      text COLLATE "C" NOT NULL,
    id         text COLLATE "C" NOT NULL,
    name       text             NOT NULL,
    public_key bytea            NOT NULL,
    created_at bigint           NOT NULL,
    created_by text             NOT NULL,
    revoked_at bigint           NOT NULL, -- 0 while it counts
    revoked_by text             NOT NULL,
    reason     text             NOT NULL, -- why it was revoked
    PRIMARY KEY (brand, id)
);

-- Who is said to have made the plugins that there are stands in their reports.
UPDATE plugins
SET author = coalesce((
    SELECT max(CASE WHEN r.document LIKE '{%' THEN r.document::json #>> '{manifest,author}' END)
    FROM plugin_reports AS r
    WHERE r.brand = plugins.brand AND r.digest = plugins.digest), '');

-- What was approved so far was approved by one person, on no terms: that is one approval of as many as are asked for, for 90
-- days. The nodes end it where it is not enough.
UPDATE plugins
SET terms = '{"expires_at":' || (decided_at + 7776000000) || '}', expires_at = decided_at + 7776000000
WHERE state = 'approved';

INSERT INTO plugin_approvals (brand, digest, revision, person, credential, at, reason, terms, voided_at, void)
SELECT brand, digest, revision, decided_by, '', decided_at, reason, terms, 0, ''
FROM plugins
WHERE state = 'approved';
