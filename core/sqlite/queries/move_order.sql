-- Compare and swap: no row changes when the order has another revision.
UPDATE orders
SET revision = revision + 1, state = ?5, takes_state = ?6, hold_until = ?7, updated_at = ?8, dues = ?9, conditions = ?10,
    shipment = ?11
WHERE campaign = ?1 AND brand = ?2 AND id = ?3 AND revision = ?4
