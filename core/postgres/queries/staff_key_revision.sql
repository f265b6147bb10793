SELECT revision FROM staff_key_revision WHERE id = 1
