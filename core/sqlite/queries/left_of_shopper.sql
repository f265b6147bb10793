-- Each is a range of a key. Every order of a shopper has a claim of the shopper's.
SELECT (SELECT count(*) FROM claims WHERE campaign = ?1 AND brand = ?2 AND shopper = ?3)
     + (SELECT count(*) FROM reservations WHERE campaign = ?1 AND brand = ?2 AND shopper = ?3)
     + (SELECT count(*) FROM arrivals WHERE campaign = ?1 AND brand = ?2 AND shopper = ?3)
     + (SELECT count(*) FROM documents WHERE campaign = ?1 AND brand = ?2 AND shopper = ?3 AND shopper <> '')
