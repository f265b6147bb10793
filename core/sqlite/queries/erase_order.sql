-- Compare and swap. What an order costs, took and owes stays; what it says of its shopper does not.
UPDATE orders
SET revision = revision + 1, shopper = ?5, lines = ?6, claims = ?7, quote = ?8, conditions = ?9, shipment = ?10
WHERE campaign = ?1 AND brand = ?2 AND id = ?3 AND revision = ?4
