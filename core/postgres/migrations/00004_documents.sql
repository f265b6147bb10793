-- +goose Up

-- Vouchers, groups, links, draws, messages and what else lives beside the orders. What is nobody's is not in the index by
-- shopper, and what the engine never has to look at is not in the index by due.
CREATE TABLE documents (
    campaign text COLLATE "C" NOT NULL,
    kind     text COLLATE "C" NOT NULL,
    id       text COLLATE "C" NOT NULL,
    brand    text             NOT NULL,
    shopper  text COLLATE "C" NOT NULL,
    state    text             NOT NULL,
    due      bigint           NOT NULL,
    revision bigint           NOT NULL,
    content  text             NOT NULL, -- JSON
    PRIMARY KEY (campaign, kind, id)
);

CREATE INDEX documents_of_shopper ON documents (campaign, shopper, kind, id) WHERE shopper <> '';
CREATE INDEX documents_due ON documents (campaign, due) WHERE due > 0;

ALTER TABLE orders ADD COLUMN shipment text NOT NULL DEFAULT ''; -- JSON, empty until the order is shipped

-- Every voucher pool counts what it has left. Campaigns could name pools before, and nothing granted from them.
INSERT INTO counters (campaign, key, brand, limit_, remaining, epoch, seen)
SELECT c.id, 'pool/' || p.key, c.brand, (p.value ->> 'count')::bigint, (p.value ->> 'count')::bigint, c.epoch, c.epoch
FROM campaigns AS c
CROSS JOIN LATERAL json_each(CASE json_typeof(c.definition::json -> 'voucher_pools')
                                 WHEN 'object' THEN c.definition::json -> 'voucher_pools' ELSE '{}' END) AS p;
