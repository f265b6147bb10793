-- Only the order that owns a claim gives it back.
DELETE FROM claims WHERE campaign = ? AND brand = ? AND shopper = ? AND kind = ? AND key = ? AND owner = ?
