-- An upload that has become a plugin in the meantime is not there, and keeps its parts.
WITH gone AS (DELETE FROM plugin_uploads WHERE brand = $1 AND id = $2 RETURNING id)
DELETE FROM plugin_parts WHERE brand = $1 AND upload IN (SELECT id FROM gone)
