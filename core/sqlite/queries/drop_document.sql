DELETE FROM documents WHERE campaign = ? AND kind = ? AND id = ? AND revision = ?
