UPDATE transfers SET from_ = $2, request = '' WHERE from_ = $1
