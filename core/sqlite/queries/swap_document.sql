-- Compare and swap: no row changes when the document has another revision.
UPDATE documents
SET revision = revision + 1, shopper = ?6, state = ?7, due = ?8, content = ?9
WHERE campaign = ?1 AND brand = ?2 AND kind = ?3 AND id = ?4 AND revision = ?5
