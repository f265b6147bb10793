-- +goose Up

-- Who has sent the bytes of a plugin, or a signature of them, a person once: none of them may approve it.
CREATE TABLE plugin_senders (
    brand  text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    person text COLLATE "C" NOT NULL,
    deed   text             NOT NULL, -- what the person sent first: upload or sign
    at     bigint           NOT NULL,
    PRIMARY KEY (brand, digest, person)
);

-- Who sent the plugins that there are. The staff log has those who uploaded or signed them when that changed something; whoever
-- sent the same bytes again and changed nothing is known to nobody.
INSERT INTO plugin_senders (brand, digest, person, deed, at)
SELECT brand, digest, uploaded_by, 'upload', uploaded_at FROM plugins
ON CONFLICT DO NOTHING;

INSERT INTO plugin_senders (brand, digest, person, deed, at)
SELECT p.brand, p.digest, l.actor, substr(l.action, 8), l.at
FROM staff_log AS l
JOIN plugins AS p ON p.brand = l.brand AND p.digest = CASE WHEN l.after_ LIKE '{%' THEN l.after_::json ->> 'plugin' END
WHERE l.action IN ('plugin.upload', 'plugin.sign')
ORDER BY l.at
ON CONFLICT DO NOTHING;
