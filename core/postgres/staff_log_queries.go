package postgres

import _ "embed" // the statements are files of their own

// The statements of the staff log, one file each.
var (
	//go:embed queries/list_staff_log.sql
	listStaffLog string
	//go:embed queries/list_staff_log_latest.sql
	listStaffLogLatest string
	//go:embed queries/load_log_head.sql
	loadLogHead string
	//go:embed queries/lock_log_head.sql
	lockLogHead string
	//go:embed queries/move_log_head.sql
	moveLogHead string
	//go:embed queries/scan_staff_log.sql
	scanStaffLog string
	//go:embed queries/scan_unsealed_entries.sql
	scanUnsealedEntries string
	//go:embed queries/seal_staff_entry.sql
	sealStaffEntry string
)
