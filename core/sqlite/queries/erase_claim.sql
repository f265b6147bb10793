UPDATE claims SET shopper = ?7, key = ?8, owner = ?9, fingerprint = ''
WHERE campaign = ?1 AND brand = ?2 AND shopper = ?3 AND kind = ?4 AND key = ?5 AND owner = ?6
