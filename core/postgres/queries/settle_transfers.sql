UPDATE transfers SET settled = true WHERE id = ANY ($1::text[]) AND kind = 'payment' AND NOT settled
