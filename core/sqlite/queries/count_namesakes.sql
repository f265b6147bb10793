-- Keys of another scope whose person is called so, live or ended. Names are ASCII.
SELECT count(*) FROM staff_keys WHERE lower(person) = lower(?1) AND brand <> ?2
