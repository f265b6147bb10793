package postgres

import _ "embed" // the statements are files of their own

// The statements of nodes and of what they measure, one file each.
var (
	//go:embed queries/add_refusals.sql
	addRefusals string
	//go:embed queries/drop_nodes.sql
	dropNodes string
	//go:embed queries/follow_keys.sql
	followKeys string
	//go:embed queries/forget_refusals.sql
	forgetRefusals string
	//go:embed queries/forget_samples.sql
	forgetSamples string
	//go:embed queries/list_nodes.sql
	listNodes string
	//go:embed queries/list_quotes.sql
	listQuotes string
	//go:embed queries/list_refusals.sql
	listRefusals string
	//go:embed queries/list_reports.sql
	listReports string
	//go:embed queries/list_samples.sql
	listSamples string
	//go:embed queries/listen.sql
	listen string
	//go:embed queries/notify.sql
	notify string
	//go:embed queries/save_node.sql
	saveNode string
	//go:embed queries/save_reports.sql
	saveReports string
	//go:embed queries/save_samples.sql
	saveSamples string
)
