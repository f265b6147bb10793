-- Deleting the upload's row first decides between this and an upload that becomes a plugin at the same moment.
WITH gone AS (DELETE FROM plugin_uploads WHERE begun_at < $1 RETURNING brand, id),
swept AS (DELETE FROM plugin_parts AS t USING gone WHERE t.brand = gone.brand AND t.upload = gone.id)
SELECT count(*) FROM gone
