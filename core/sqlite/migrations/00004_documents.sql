-- +goose Up

-- Vouchers, groups, links, draws, messages and what else lives beside the orders. Contents may be wide, so this is a table
-- with rowids, as that of the orders. What is nobody's is not in the index by shopper, and what the engine never has to
-- look at is not in the index by due.
CREATE TABLE documents (
    campaign TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    brand    TEXT    NOT NULL,
    shopper  TEXT    NOT NULL,
    state    TEXT    NOT NULL,
    due      INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    content  TEXT    NOT NULL, -- JSON
    PRIMARY KEY (campaign, kind, id)
) STRICT;

CREATE INDEX documents_of_shopper ON documents (campaign, shopper, kind, id) WHERE shopper <> '';
CREATE INDEX documents_due ON documents (campaign, due) WHERE due > 0;

ALTER TABLE orders ADD COLUMN shipment TEXT NOT NULL DEFAULT ''; -- JSON, empty until the order is shipped

-- Every voucher pool counts what it has left. Campaigns could name pools before, and nothing granted from them.
INSERT INTO counters (campaign, key, brand, limit_, remaining, epoch, seen)
SELECT c.id, 'pool/' || p.key, c.brand, p.value ->> '$.count', p.value ->> '$.count', c.epoch, c.epoch
FROM campaigns AS c CROSS JOIN json_each(c.definition, '$.voucher_pools') AS p
WHERE p.type = 'object';
