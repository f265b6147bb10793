-- Bytes are kept of every plugin that names an upload, and of the uploads under way.
SELECT ((SELECT coalesce(sum(size), 0) FROM plugins WHERE brand = $1 AND upload <> '')
      + (SELECT coalesce(sum(octet_length(t.bytes)), 0)
         FROM plugin_uploads AS u
         JOIN plugin_parts AS t ON t.brand = u.brand AND t.upload = u.id
         WHERE u.brand = $1))::bigint,
       (SELECT coalesce(sum(octet_length(document)), 0) FROM plugin_reports WHERE brand = $1)::bigint
