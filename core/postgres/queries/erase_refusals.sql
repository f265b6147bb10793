DELETE FROM refusals WHERE campaign = $1 AND brand = $2 AND id = ANY ($3::text[])
