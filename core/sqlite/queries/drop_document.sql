DELETE FROM documents WHERE campaign = ? AND brand = ? AND kind = ? AND id = ? AND revision = ?
