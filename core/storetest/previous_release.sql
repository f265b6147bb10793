-- What a shop of schema 3 held: a campaign with voucher pools that nothing granted from yet, a placed order and a
-- reservation; and two campaigns without pools.
INSERT INTO campaigns (id, brand, revision, epoch, ruleset, definition, demo, updated_at)
VALUES ('recent', 'acme', 4, 5, 1, '{"campaign":"recent","brand":"acme","currency":"CNY","items":[{"sku":"mi2","price":100,"stock":5}],"voucher_pools":{"fifty":{"count":10,"value":5000},"a b/\"末日\"":{"count":9007199254740993,"value":1}}}', FALSE, 1),
       ('bare', 'acme', 1, 1, 1, '{"campaign":"bare","brand":"acme","currency":"CNY","items":[]}', FALSE, 1),
       ('null', 'acme', 1, 1, 1, '{"campaign":"null","brand":"acme","currency":"CNY","items":[],"voucher_pools":null}', FALSE, 1);
INSERT INTO rulesets (campaign, number, brand, content) VALUES ('recent', 1, 'acme', '{"ruleset":1,"bindings":[],"digests":[]}');
INSERT INTO counters (campaign, key, brand, limit_, remaining, epoch, seen)
VALUES ('recent', 'orders', 'acme', 9223372036854775807, 9223372036854775806, 5, 5),
       ('recent', 'reservations', 'acme', 9223372036854775807, 9223372036854775806, 5, 5), ('recent', 'stock/mi2', 'acme', 5, 4, 5, 5),
       ('bare', 'orders', 'acme', 9223372036854775807, 9223372036854775807, 1, 1);
INSERT INTO reservations (campaign, shopper, brand, at, position) VALUES ('recent', 'ann', 'acme', 1, 1);
INSERT INTO claims (campaign, shopper, kind, key, brand, owner, fingerprint)
VALUES ('recent', 'ann', 'limit', 'mi2/1', 'acme', 'recent.1', ''), ('recent', 'ann', 'order', 'k1', 'acme', 'recent.1', 'f');
INSERT INTO orders (campaign, id, brand, shopper, currency, total, lines, takes, claims, quote, placed_at,
                    revision, state, takes_state, hold_until, updated_at, dues, conditions)
VALUES ('recent', 'recent.1', 'acme', 'ann', 'CNY', 100, '[{"sku":"mi2","units":1,"unit_price":100,"amount":100}]',
        '[{"counter":"stock/mi2","units":1}]', '[{"kind":"limit","key":"mi2/1"}]', '{}', 1, 1, 'placed', 'outstanding', 2, 2,
        '[{"kind":"full","amount":100,"due_at":2,"state":"open"}]', '[]');
