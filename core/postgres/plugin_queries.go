package postgres

import _ "embed" // the statements are files of their own

// The statements about plugins, one file each.
var (
	//go:embed queries/begin_plugin_upload.sql
	beginPluginUpload string
	//go:embed queries/drop_plugin_parts.sql
	dropPluginParts string
	//go:embed queries/drop_plugin_upload.sql
	dropPluginUpload string
	//go:embed queries/due_plugins.sql
	duePlugins string
	//go:embed queries/end_plugin_upload.sql
	endPluginUpload string
	//go:embed queries/extend_plugin_upload.sql
	extendPluginUpload string
	//go:embed queries/find_plugins.sql
	findPlugins string
	//go:embed queries/insert_plugin.sql
	insertPlugin string
	//go:embed queries/insert_plugin_approval.sql
	insertPluginApproval string
	//go:embed queries/insert_plugin_part.sql
	insertPluginPart string
	//go:embed queries/insert_plugin_sender.sql
	insertPluginSender string
	//go:embed queries/insert_signing_key.sql
	insertSigningKey string
	//go:embed queries/list_signing_keys.sql
	listSigningKeys string
	//go:embed queries/load_plugin_part.sql
	loadPluginPart string
	//go:embed queries/plugin_usage.sql
	pluginUsage string
	//go:embed queries/revoke_signing_key.sql
	revokeSigningKey string
	//go:embed queries/save_plugin.sql
	savePlugin string
	//go:embed queries/save_plugin_report.sql
	savePluginReport string
	//go:embed queries/sweep_plugin_uploads.sql
	sweepPluginUploads string
	//go:embed queries/touch_signed_plugins.sql
	touchSignedPlugins string
	//go:embed queries/void_plugin_approvals.sql
	voidPluginApprovals string
)
