SELECT pg_notify('hotdrop', $1)
