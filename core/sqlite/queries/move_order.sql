-- Compare and swap: no row changes when the order has another revision.
UPDATE orders
SET revision = revision + 1, state = ?4, takes_state = ?5, hold_until = ?6, updated_at = ?7, dues = ?8, conditions = ?9,
    shipment = ?10
WHERE campaign = ?1 AND id = ?2 AND revision = ?3
