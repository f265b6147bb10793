-- +goose Up

-- The highest number that a ruleset of the campaign has, which need not be the one that decides.
ALTER TABLE campaigns ADD COLUMN rulesets bigint NOT NULL DEFAULT 0;
UPDATE campaigns
SET rulesets = greatest(ruleset, (SELECT max(r.number) FROM rulesets AS r WHERE r.campaign = campaigns.id));

-- The history: a row for every change of a campaign, written in the change's own transaction. orders is how many orders had
-- been placed by then: no later one may have been decided under an earlier epoch.
CREATE TABLE rollouts (
    campaign text COLLATE "C" NOT NULL,
    revision bigint           NOT NULL,
    brand    text             NOT NULL,
    epoch    bigint           NOT NULL,
    number   bigint           NOT NULL,
    at       bigint           NOT NULL,
    orders   bigint           NOT NULL,
    content  text             NOT NULL, -- JSON
    PRIMARY KEY (campaign, revision)
);

CREATE INDEX rollouts_by_number ON rollouts (campaign, number, revision);

-- What was in force is every campaign's first rollout.
INSERT INTO rollouts (campaign, revision, brand, epoch, number, at, orders, content)
SELECT c.id, c.revision, c.brand, c.epoch, 1, c.updated_at,
       coalesce((SELECT n.limit_ - n.remaining FROM counters AS n WHERE n.campaign = c.id AND n.key = 'orders'),
                (SELECT count(*) FROM orders AS o WHERE o.campaign = c.id)),
       '{"rollout":1,"live":' || c.ruleset || ',"action":"apply","at":' || c.updated_at || ',"by":""}'
FROM campaigns AS c;

-- The serving processes, and how far each follows the campaigns: a few rows that are written again and again.
CREATE TABLE nodes (
    id      text COLLATE "C" NOT NULL PRIMARY KEY,
    seen_at bigint           NOT NULL,
    content text             NOT NULL -- JSON
) WITH (fillfactor = 10);

-- What nodes measured: of a second, and of a subject since it began.
CREATE TABLE samples (
    campaign text COLLATE "C" NOT NULL,
    second   bigint           NOT NULL, -- Unix seconds
    node     text COLLATE "C" NOT NULL,
    brand    text             NOT NULL,
    content  text             NOT NULL, -- JSON
    PRIMARY KEY (campaign, second, node)
) WITH (fillfactor = 50);

CREATE TABLE reports (
    campaign text COLLATE "C" NOT NULL,
    subject  text COLLATE "C" NOT NULL,
    node     text COLLATE "C" NOT NULL,
    brand    text             NOT NULL,
    content  text             NOT NULL, -- JSON
    PRIMARY KEY (campaign, subject, node)
) WITH (fillfactor = 50);

-- The refused order requests that were kept.
CREATE TABLE refusals (
    campaign text COLLATE "C" NOT NULL,
    id       text COLLATE "C" NOT NULL,
    brand    text             NOT NULL,
    at       bigint           NOT NULL,
    code     text             NOT NULL,
    reason   text             NOT NULL,
    content  text             NOT NULL, -- JSON
    PRIMARY KEY (campaign, id)
);

CREATE INDEX refusals_by_time ON refusals (campaign, at);
