UPDATE transfers SET to_ = ?2, request = '' WHERE to_ = ?1
