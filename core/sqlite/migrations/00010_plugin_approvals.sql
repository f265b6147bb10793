-- +goose Up

-- What a plugin's approvals are bound to, and who is said to have made it. Its terms are JSON, '' while nobody has approved
-- it; expires_at is theirs, 0 for none.
ALTER TABLE plugins ADD COLUMN author TEXT NOT NULL DEFAULT '';
ALTER TABLE plugins ADD COLUMN terms TEXT NOT NULL DEFAULT '';
ALTER TABLE plugins ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE plugins ADD COLUMN signing_key TEXT NOT NULL DEFAULT ''; -- the id of the key that signed it; '' for none
ALTER TABLE plugins ADD COLUMN signature BLOB NOT NULL DEFAULT x'';

-- One person's agreement to a plugin on the terms, JSON. Those that count are not voided: a person has one of them.
CREATE TABLE plugin_approvals (
    brand      TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    revision   INTEGER NOT NULL, -- the plugin's, which the approval led to
    person     TEXT    NOT NULL,
    credential TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    terms      TEXT    NOT NULL,
    voided_at  INTEGER NOT NULL, -- 0 while it counts
    void       TEXT    NOT NULL, -- why it counts no more
    PRIMARY KEY (brand, digest, revision)
) STRICT;

CREATE UNIQUE INDEX plugin_approvals_of_a_person ON plugin_approvals (brand, digest, person) WHERE voided_at = 0;

-- The public keys by which brands sign their plugins. None is ever deleted.
CREATE TABLE signing_keys (
    brand      TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    public_key BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL,
    revoked_at INTEGER NOT NULL, -- 0 while it counts
    revoked_by TEXT    NOT NULL,
    reason     TEXT    NOT NULL, -- why it was revoked
    PRIMARY KEY (brand, id)
) STRICT;

-- Who is said to have made the plugins that there are stands in their reports.
UPDATE plugins
SET author = coalesce((
    SELECT max(json_extract(r.document, '$.manifest.author'))
    FROM plugin_reports AS r
    WHERE r.brand = plugins.brand AND r.digest = plugins.digest AND json_valid(r.document)), '');

-- What was approved so far was approved by one person, on no terms: that is one approval of as many as are asked for, for 90
-- days. The nodes end it where it is not enough.
UPDATE plugins
SET terms = json_object('expires_at', decided_at + 7776000000), expires_at = decided_at + 7776000000
WHERE state = 'approved';

INSERT INTO plugin_approvals (brand, digest, revision, person, credential, at, reason, terms, voided_at, void)
SELECT brand, digest, revision, decided_by, '', decided_at, reason, terms, 0, ''
FROM plugins
WHERE state = 'approved';
