-- +goose Up

-- Every campaign counts the orders that were ever placed, so that a node can tell whether it knows them all.
INSERT INTO counters (campaign, key, brand, limit_, remaining, epoch, seen)
SELECT c.id, 'orders', c.brand, 9223372036854775807,
       9223372036854775807 - (SELECT count(*) FROM orders AS o WHERE o.campaign = c.id), c.epoch, c.epoch
FROM campaigns AS c;
