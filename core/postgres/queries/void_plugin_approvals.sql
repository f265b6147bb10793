-- Without a person they are everybody's.
UPDATE plugin_approvals SET voided_at = $3, void = $4
WHERE brand = $1 AND digest = $2 AND voided_at = 0 AND ($5::text = '' OR person = $5)
