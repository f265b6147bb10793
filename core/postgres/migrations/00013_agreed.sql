-- +goose Up

-- The campaign file, JSON, as it was when two people agreed on it last; null where that is the definition.
ALTER TABLE campaigns ADD COLUMN agreed text NOT NULL DEFAULT 'null';
