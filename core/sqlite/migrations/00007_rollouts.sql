-- +goose Up

-- The highest number that a ruleset of the campaign has, which need not be the one that decides.
ALTER TABLE campaigns ADD COLUMN rulesets INTEGER NOT NULL DEFAULT 0;
UPDATE campaigns
SET rulesets = max(ruleset, coalesce((SELECT max(r.number) FROM rulesets AS r WHERE r.campaign = campaigns.id), 0));

-- The history: a row for every change of a campaign, written in the change's own transaction. orders is how many orders had
-- been placed by then: no later one may have been decided under an earlier epoch.
CREATE TABLE rollouts (
    campaign TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    brand    TEXT    NOT NULL,
    epoch    INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    orders   INTEGER NOT NULL,
    content  TEXT    NOT NULL, -- JSON
    PRIMARY KEY (campaign, revision)
) STRICT, WITHOUT ROWID;

CREATE INDEX rollouts_by_number ON rollouts (campaign, number, revision);

-- What was in force is every campaign's first rollout.
INSERT INTO rollouts (campaign, revision, brand, epoch, number, at, orders, content)
SELECT c.id, c.revision, c.brand, c.epoch, 1, c.updated_at,
       coalesce((SELECT n.limit_ - n.remaining FROM counters AS n WHERE n.campaign = c.id AND n.key = 'orders'),
                (SELECT count(*) FROM orders AS o WHERE o.campaign = c.id)),
       '{"rollout":1,"live":' || c.ruleset || ',"action":"apply","at":' || c.updated_at || ',"by":""}'
FROM campaigns AS c;

-- The serving processes, and how far each follows the campaigns.
CREATE TABLE nodes (
    id      TEXT    NOT NULL PRIMARY KEY,
    seen_at INTEGER NOT NULL,
    content TEXT    NOT NULL -- JSON
) STRICT;

-- What nodes measured: of a second, and of a subject since it began.
CREATE TABLE samples (
    campaign TEXT    NOT NULL,
    second   INTEGER NOT NULL, -- Unix seconds
    node     TEXT    NOT NULL,
    brand    TEXT    NOT NULL,
    content  TEXT    NOT NULL, -- JSON
    PRIMARY KEY (campaign, second, node)
) STRICT;

CREATE TABLE reports (
    campaign TEXT NOT NULL,
    subject  TEXT NOT NULL,
    node     TEXT NOT NULL,
    brand    TEXT NOT NULL,
    content  TEXT NOT NULL, -- JSON
    PRIMARY KEY (campaign, subject, node)
) STRICT;

-- The refused order requests that were kept.
CREATE TABLE refusals (
    campaign TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    brand    TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    code     TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    content  TEXT    NOT NULL, -- JSON
    PRIMARY KEY (campaign, id)
) STRICT;

CREATE INDEX refusals_by_time ON refusals (campaign, at);
