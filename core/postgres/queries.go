package postgres

import _ "embed" // the statements are files of their own

// The statements, one file each.
var (
	//go:embed queries/add_to_accounts.sql
	addToAccounts string
	//go:embed queries/book_accounts.sql
	bookAccounts string
	//go:embed queries/book_claims.sql
	bookClaims string
	//go:embed queries/book_documents.sql
	bookDocuments string
	//go:embed queries/book_orders.sql
	bookOrders string
	//go:embed queries/book_reservations.sql
	bookReservations string
	//go:embed queries/book_transfers.sql
	bookTransfers string
	//go:embed queries/bound_idling.sql
	boundIdling string
	//go:embed queries/bound_lock_waits.sql
	boundLockWaits string
	//go:embed queries/bound_statements.sql
	boundStatements string
	//go:embed queries/drop_documents.sql
	dropDocuments string
	//go:embed queries/due_documents.sql
	dueDocuments string
	//go:embed queries/due_orders.sql
	dueOrders string
	//go:embed queries/ensure_accounts.sql
	ensureAccounts string
	//go:embed queries/ensure_documents.sql
	ensureDocuments string
	//go:embed queries/insert_campaign.sql
	insertCampaign string
	//go:embed queries/insert_claims.sql
	insertClaims string
	//go:embed queries/insert_documents.sql
	insertDocuments string
	//go:embed queries/insert_orders.sql
	insertOrders string
	//go:embed queries/insert_reservations.sql
	insertReservations string
	//go:embed queries/insert_ruleset.sql
	insertRuleset string
	//go:embed queries/insert_staff_entry.sql
	insertStaffEntry string
	//go:embed queries/insert_transfers.sql
	insertTransfers string
	//go:embed queries/list_campaigns.sql
	listCampaigns string
	//go:embed queries/list_documents.sql
	listDocuments string
	//go:embed queries/list_documents_descending.sql
	listDocumentsDescending string
	//go:embed queries/list_orders.sql
	listOrders string
	//go:embed queries/list_shopper_documents.sql
	listShopperDocuments string
	//go:embed queries/list_shopper_documents_descending.sql
	listShopperDocumentsDescending string
	//go:embed queries/load_balances.sql
	loadBalances string
	//go:embed queries/load_campaign.sql
	loadCampaign string
	//go:embed queries/load_counters.sql
	loadCounters string
	//go:embed queries/load_documents.sql
	loadDocuments string
	//go:embed queries/load_orders.sql
	loadOrders string
	//go:embed queries/load_placed.sql
	loadPlaced string
	//go:embed queries/load_ruleset.sql
	loadRuleset string
	//go:embed queries/load_shopper_documents.sql
	loadShopperDocuments string
	//go:embed queries/load_shoppers.sql
	loadShoppers string
	//go:embed queries/load_transfers.sql
	loadTransfers string
	//go:embed queries/load_wallet.sql
	loadWallet string
	//go:embed queries/lock_accounts.sql
	lockAccounts string
	//go:embed queries/lock_counters.sql
	lockCounters string
	//go:embed queries/lock_documents.sql
	lockDocuments string
	//go:embed queries/lock_orders.sql
	lockOrders string
	//go:embed queries/lock_transfers.sql
	lockTransfers string
	//go:embed queries/move_orders.sql
	moveOrders string
	//go:embed queries/ping.sql
	ping string
	//go:embed queries/release_claims.sql
	releaseClaims string
	//go:embed queries/schema_version.sql
	schemaVersion string
	//go:embed queries/set_counter.sql
	setCounter string
	//go:embed queries/settle_transfers.sql
	settleTransfers string
	//go:embed queries/swap_campaign.sql
	swapCampaign string
	//go:embed queries/swap_documents.sql
	swapDocuments string
	//go:embed queries/take.sql
	take string
	//go:embed queries/unsettled_transfers.sql
	unsettledTransfers string
)

// Transactions, where one is not implied by the pipeline.
const (
	beginWrite = "BEGIN"
	beginRead  = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	commit     = "COMMIT"
	rollback   = "ROLLBACK"
)
