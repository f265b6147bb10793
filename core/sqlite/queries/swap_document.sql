-- Compare and swap: no row changes when the document has another revision.
UPDATE documents
SET revision = revision + 1, shopper = ?5, state = ?6, due = ?7, content = ?8
WHERE campaign = ?1 AND kind = ?2 AND id = ?3 AND revision = ?4
