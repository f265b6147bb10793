-- +goose Up

-- Plugins that brands upload. The brand comes first in every key, as the campaign does elsewhere: it is how they are
-- distributed.
CREATE TABLE plugins (
    brand       text COLLATE "C" NOT NULL,
    digest      text COLLATE "C" NOT NULL,
    size        bigint           NOT NULL,
    state       text             NOT NULL,
    name        text             NOT NULL,
    upload      text COLLATE "C" NOT NULL, -- names its parts
    uploaded_at bigint           NOT NULL,
    uploaded_by text             NOT NULL,
    decided_at  bigint           NOT NULL,
    decided_by  text             NOT NULL,
    reason      text             NOT NULL,
    revision    bigint           NOT NULL,
    holder      text             NOT NULL, -- who vets it, until when, and the how manieth attempt that is
    lease_until bigint           NOT NULL,
    attempts    bigint           NOT NULL,
    PRIMARY KEY (brand, digest)
);

CREATE INDEX plugins_by_upload ON plugins (uploaded_at, brand, digest);

-- One report for each version of the rules that a plugin was judged by.
CREATE TABLE plugin_reports (
    brand    text COLLATE "C" NOT NULL,
    digest   text COLLATE "C" NOT NULL,
    version  text COLLATE "C" NOT NULL,
    accepted boolean          NOT NULL,
    at       bigint           NOT NULL,
    document text             NOT NULL, -- JSON
    PRIMARY KEY (brand, digest, version)
);

-- Uploads that are under way: a row goes when the upload becomes a plugin, or is dropped with its parts.
CREATE TABLE plugin_uploads (
    brand    text COLLATE "C" NOT NULL,
    id       text COLLATE "C" NOT NULL,
    begun_at bigint           NOT NULL,
    parts    bigint           NOT NULL,
    PRIMARY KEY (brand, id)
);

CREATE TABLE plugin_parts (
    brand  text COLLATE "C" NOT NULL,
    upload text COLLATE "C" NOT NULL,
    number bigint           NOT NULL,
    bytes  bytea            NOT NULL,
    PRIMARY KEY (brand, upload, number)
);
