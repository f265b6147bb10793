-- What a shop of schema 1 held: a campaign with two orders, one paid and one that ran out, and a reservation.
INSERT INTO campaigns (id, brand, revision, epoch, ruleset, definition, demo, updated_at)
VALUES ('old', 'acme', 2, 3, 1, '{"id":"old","brand":"acme","currency":"CNY","items":[{"sku":"mi2","price":100,"stock":5}]}', FALSE, 1);
INSERT INTO rulesets (campaign, number, brand, content) VALUES ('old', 1, 'acme', '{"ruleset":1,"bindings":[],"digests":[]}');
INSERT INTO counters (campaign, key, brand, limit_, remaining, epoch, seen)
VALUES ('old', 'reservations', 'acme', 9223372036854775807, 9223372036854775806, 3, 3), ('old', 'stock/mi2', 'acme', 5, 4, 3, 3);
INSERT INTO reservations (campaign, shopper, brand, at, position) VALUES ('old', 'ann', 'acme', 1, 1);
INSERT INTO claims (campaign, shopper, kind, key, brand, owner, fingerprint)
VALUES ('old', 'ann', 'order', 'k1', 'acme', 'old.1', 'f'), ('old', 'bob', 'order', 'k2', 'acme', 'old.2', 'f');
INSERT INTO orders (campaign, id, brand, shopper, currency, total, lines, takes, claims, quote, placed_at,
                    revision, state, takes_state, hold_until, updated_at, dues, conditions)
VALUES ('old', 'old.1', 'acme', 'ann', 'CNY', 100, '[{"sku":"mi2","units":1,"unit_price":100,"amount":100}]',
        '[{"counter":"stock/mi2","units":1}]', '[]', '{}', 1, 2, 'paid', 'spent', 2, 2,
        '[{"kind":"full","amount":100,"due_at":2,"state":"paid","payment":"pay/old.1"}]', '[]'),
       ('old', 'old.2', 'acme', 'bob', 'CNY', 100, '[{"sku":"mi2","units":1,"unit_price":100,"amount":100}]',
        '[{"counter":"stock/mi2","units":1}]', '[]', '{}', 1, 2, 'expired', 'returned', 2, 3,
        '[{"kind":"full","amount":100,"due_at":2,"state":"open"}]', '[]');
INSERT INTO accounts (name, currency, balance) VALUES ('outside', 'CNY', -100), ('shop/acme', 'CNY', 100), ('shopper/ann', 'CNY', 0);
INSERT INTO transfers (id, kind, from_, to_, currency, amount, campaign, order_id, at, settled)
VALUES ('topup/1', 'topup', 'outside', 'shopper/ann', 'CNY', 100, '', '', 1, FALSE),
       ('pay/old.1', 'payment', 'shopper/ann', 'shop/acme', 'CNY', 100, 'old', 'old.1', 2, TRUE);
