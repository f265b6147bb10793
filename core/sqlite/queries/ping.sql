-- Reads the file, and fails when the schema is not there.
SELECT 1 FROM campaigns LIMIT 1
