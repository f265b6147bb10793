-- +goose Up

-- Plugins that brands upload. The brand comes first in every key, as the campaign does elsewhere.
CREATE TABLE plugins (
    brand       TEXT    NOT NULL,
    digest      TEXT    NOT NULL,
    size        INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    upload      TEXT    NOT NULL, -- names its parts
    uploaded_at INTEGER NOT NULL,
    uploaded_by TEXT    NOT NULL,
    decided_at  INTEGER NOT NULL,
    decided_by  TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    revision    INTEGER NOT NULL,
    holder      TEXT    NOT NULL, -- who vets it, until when, and the how manieth attempt that is
    lease_until INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    PRIMARY KEY (brand, digest)
) STRICT;

CREATE INDEX plugins_by_upload ON plugins (uploaded_at, brand, digest);

-- One report for each version of the rules that a plugin was judged by.
CREATE TABLE plugin_reports (
    brand    TEXT    NOT NULL,
    digest   TEXT    NOT NULL,
    version  TEXT    NOT NULL,
    accepted INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    document TEXT    NOT NULL, -- JSON
    PRIMARY KEY (brand, digest, version)
) STRICT;

-- Uploads that are under way: a row goes when the upload becomes a plugin, or is dropped with its parts.
CREATE TABLE plugin_uploads (
    brand    TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    begun_at INTEGER NOT NULL,
    parts    INTEGER NOT NULL,
    PRIMARY KEY (brand, id)
) STRICT;

CREATE TABLE plugin_parts (
    brand  TEXT    NOT NULL,
    upload TEXT    NOT NULL,
    number INTEGER NOT NULL,
    bytes  BLOB    NOT NULL,
    PRIMARY KEY (brand, upload, number)
) STRICT;
