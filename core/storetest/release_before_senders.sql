-- What a platform held that knew only the first uploader of a plugin: one that ann sent, zoe signed and ann sent again, and one
-- of which the staff log says nothing.
INSERT INTO plugins (brand, digest, size, state, name, upload, uploaded_at, uploaded_by, decided_at, decided_by, reason, revision,
                     holder, lease_until, attempts)
VALUES ('acme', 'sha256:1', 3, 'vetted', 'named', 'u1', 10, 'ann', 0, '', '', 4, '', 0, 0),
       ('acme', 'sha256:2', 3, 'vetted', 'named', 'u2', 11, 'bob', 0, '', '', 2, '', 0, 0);

INSERT INTO staff_log (brand, campaign, at, actor, role, action, reason, before_, after_)
VALUES ('acme', '', 10, 'ann', 'brand', 'plugin.upload', '', NULL, '{"plugin":"sha256:1"}'),
       ('acme', '', 20, 'zoe', 'brand', 'plugin.sign', '', '{}', '{"plugin":"sha256:1"}'),
       ('acme', '', 30, 'ann', 'brand', 'plugin.upload', '', '{}', '{"plugin":"sha256:1"}'),
       ('other', '', 30, 'eve', 'brand', 'plugin.upload', '', '{}', '{"plugin":"sha256:1"}'),
       ('acme', '', 40, 'pia', 'platform', 'plugin.approve', '', '{}', '{"plugin":"sha256:2"}'),
       ('acme', '', 40, 'pia', 'platform', 'plugin.upload', '', '{}', NULL),
       ('acme', '', 40, 'pia', 'platform', 'plugin.upload', '', '{}', 'no JSON');
