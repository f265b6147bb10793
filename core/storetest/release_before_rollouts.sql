-- What a shop of schema 6 held: a campaign with its third ruleset, two orders that were decided under the epochs 11 and 12, one
-- paid and one that ran out, and a staff member's change; and a campaign that has an order and no counter of orders.
INSERT INTO campaigns (id, brand, revision, epoch, ruleset, definition, demo, updated_at)
VALUES ('steady', 'acme', 9, 12, 3, '{"campaign":"steady","brand":"acme","currency":"CNY","items":[{"sku":"mi2","price":100,"stock":5}]}', FALSE, 7),
       ('uncounted', 'acme', 1, 1, 1, '{"campaign":"uncounted","brand":"acme","currency":"CNY","items":[]}', TRUE, 8);
INSERT INTO rulesets (campaign, number, brand, content)
VALUES ('steady', 1, 'acme', '{"ruleset":1,"bindings":[],"digests":[],"hooks":[]}'),
       ('steady', 2, 'acme', '{"ruleset":2,"bindings":[],"digests":[],"hooks":[]}'),
       ('steady', 3, 'acme', '{"ruleset":3,"bindings":[],"digests":[],"hooks":[],"created_by":"staff-1"}'),
       ('uncounted', 1, 'acme', '{"ruleset":1,"bindings":[],"digests":[],"hooks":[]}');
INSERT INTO staff_log (brand, campaign, at, actor, role, action, reason, before_, after_)
VALUES ('acme', 'steady', 7, 'staff-1', 'operator', 'campaign.apply', 'more of it', NULL, '{}');
INSERT INTO counters (campaign, key, brand, limit_, remaining, epoch, seen)
VALUES ('steady', 'orders', 'acme', 9223372036854775807, 9223372036854775805, 12, 12),
       ('steady', 'reservations', 'acme', 9223372036854775807, 9223372036854775807, 12, 12), ('steady', 'stock/mi2', 'acme', 5, 4, 12, 12);
INSERT INTO claims (campaign, shopper, kind, key, brand, owner, fingerprint)
VALUES ('steady', 'ann', 'order', 'k1', 'acme', 'steady.1', 'f'), ('steady', 'bob', 'order', 'k2', 'acme', 'steady.2', 'f');
INSERT INTO orders (campaign, id, brand, shopper, currency, total, lines, takes, claims, quote, placed_at,
                    revision, state, takes_state, hold_until, updated_at, dues, conditions, shipment)
VALUES ('steady', 'steady.1', 'acme', 'ann', 'CNY', 100, '[{"sku":"mi2","units":1,"unit_price":100,"amount":100}]',
        '[{"counter":"stock/mi2","units":1}]', '[]', '{"bindings":[],"budget_left":-1,"engine":"2","epoch":11,"total":100}', 1, 2,
        'paid', 'spent', 2, 2, '[{"kind":"full","amount":100,"due_at":2,"state":"paid","payment":"pay/steady.1"}]', '[]', ''),
       ('steady', 'steady.2', 'acme', 'bob', 'CNY', 100, '[{"sku":"mi2","units":1,"unit_price":100,"amount":100}]',
        '[{"counter":"stock/mi2","units":1}]', '[]', '{"bindings":[],"budget_left":-1,"engine":"2","epoch":12,"total":100}', 3, 2,
        'expired', 'returned', 4, 5, '[{"kind":"full","amount":100,"due_at":4,"state":"open"}]', '[]', ''),
       ('uncounted', 'uncounted.1', 'acme', 'ann', 'CNY', 0, '[]', '[]', '[]', '{"epoch":1}', 1, 2, 'expired', 'returned', 2, 3, '[]', '[]', '');
INSERT INTO accounts (name, currency, balance) VALUES ('outside', 'CNY', -100), ('brand/acme', 'CNY', 100), ('shopper/ann', 'CNY', 0);
INSERT INTO transfers (id, kind, from_, to_, currency, amount, campaign, order_id, at, settled, request)
VALUES ('topup/1', 'topup', 'outside', 'shopper/ann', 'CNY', 100, '', '', 1, TRUE, ''),
       ('pay/steady.1', 'payment', 'shopper/ann', 'brand/acme', 'CNY', 100, 'steady', 'steady.1', 2, TRUE, 'k3');
