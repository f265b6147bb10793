-- Each is a range of a key, and every order of a shopper has a claim of the shopper's. The division fails if anything is left.
SELECT 1 / (CASE WHEN EXISTS (SELECT 1 FROM claims WHERE campaign = $1 AND brand = $2 AND shopper = $3)
                   OR EXISTS (SELECT 1 FROM reservations WHERE campaign = $1 AND brand = $2 AND shopper = $3)
                   OR EXISTS (SELECT 1 FROM arrivals WHERE campaign = $1 AND brand = $2 AND shopper = $3)
                   OR EXISTS (SELECT 1 FROM documents WHERE campaign = $1 AND brand = $2 AND shopper = $3 AND shopper <> '')
                 THEN 0 ELSE 1 END)
