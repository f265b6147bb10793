-- +goose Up

-- A payment remembers the Idempotency-Key of its request, so that whoever finishes what a crash left can claim the key.
ALTER TABLE transfers ADD COLUMN request TEXT NOT NULL DEFAULT '';
