package postgres

import _ "embed" // the statements are files of their own

// The statements about staff keys, one file each.
var (
	//go:embed queries/count_namesakes.sql
	countNamesakes string
	//go:embed queries/end_staff_key.sql
	endStaffKey string
	//go:embed queries/find_staff_keys.sql
	findStaffKeys string
	//go:embed queries/forget_sessions.sql
	forgetSessions string
	//go:embed queries/insert_staff_key.sql
	insertStaffKey string
	//go:embed queries/raise_staff_key_revision.sql
	raiseStaffKeyRevision string
	//go:embed queries/staff_key_revision.sql
	staffKeyRevision string
	//go:embed queries/staff_keys_since.sql
	staffKeysSince string
)
