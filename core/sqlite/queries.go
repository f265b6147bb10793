package sqlite

import _ "embed" // the statements are files of their own

// The statements, one file each.
var (
	//go:embed queries/add_to_account.sql
	addToAccount string
	//go:embed queries/book_accounts.sql
	bookAccounts string
	//go:embed queries/book_arrivals.sql
	bookArrivals string
	//go:embed queries/book_claims.sql
	bookClaims string
	//go:embed queries/book_documents.sql
	bookDocuments string
	//go:embed queries/book_orders.sql
	bookOrders string
	//go:embed queries/book_reservations.sql
	bookReservations string
	//go:embed queries/book_rollouts.sql
	bookRollouts string
	//go:embed queries/book_transfers.sql
	bookTransfers string
	//go:embed queries/drop_document.sql
	dropDocument string
	//go:embed queries/due_documents.sql
	dueDocuments string
	//go:embed queries/due_orders.sql
	dueOrders string
	//go:embed queries/ensure_account.sql
	ensureAccount string
	//go:embed queries/ensure_document.sql
	ensureDocument string
	//go:embed queries/insert_arrival.sql
	insertArrival string
	//go:embed queries/insert_artefact.sql
	insertArtefact string
	//go:embed queries/insert_campaign.sql
	insertCampaign string
	//go:embed queries/insert_claim.sql
	insertClaim string
	//go:embed queries/insert_document.sql
	insertDocument string
	//go:embed queries/insert_order.sql
	insertOrder string
	//go:embed queries/insert_reservation.sql
	insertReservation string
	//go:embed queries/insert_rollout.sql
	insertRollout string
	//go:embed queries/insert_ruleset.sql
	insertRuleset string
	//go:embed queries/insert_staff_entry.sql
	insertStaffEntry string
	//go:embed queries/insert_transfer.sql
	insertTransfer string
	//go:embed queries/list_arrivals.sql
	listArrivals string
	//go:embed queries/list_campaigns.sql
	listCampaigns string
	//go:embed queries/list_documents.sql
	listDocuments string
	//go:embed queries/list_documents_descending.sql
	listDocumentsDescending string
	//go:embed queries/list_orders.sql
	listOrders string
	//go:embed queries/list_rollouts.sql
	listRollouts string
	//go:embed queries/list_shopper_documents.sql
	listShopperDocuments string
	//go:embed queries/list_shopper_documents_descending.sql
	listShopperDocumentsDescending string
	//go:embed queries/load_arrivals.sql
	loadArrivals string
	//go:embed queries/load_artefact.sql
	loadArtefact string
	//go:embed queries/load_balance.sql
	loadBalance string
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
	//go:embed queries/load_rollout.sql
	loadRollout string
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
	//go:embed queries/move_order.sql
	moveOrder string
	//go:embed queries/number_ruleset.sql
	numberRuleset string
	//go:embed queries/ping.sql
	ping string
	//go:embed queries/release_claim.sql
	releaseClaim string
	//go:embed queries/schema_known.sql
	schemaKnown string
	//go:embed queries/schema_version.sql
	schemaVersion string
	//go:embed queries/set_counter.sql
	setCounter string
	//go:embed queries/settle_transfer.sql
	settleTransfer string
	//go:embed queries/swap_campaign.sql
	swapCampaign string
	//go:embed queries/swap_document.sql
	swapDocument string
	//go:embed queries/take.sql
	take string
	//go:embed queries/unsettled_transfers.sql
	unsettledTransfers string
)

// Transactions. IMMEDIATE takes the write lock first, so that a transaction that has begun never waits for it.
const (
	beginWrite = "BEGIN IMMEDIATE"
	beginRead  = "BEGIN"

	passiveCheckpoint = "PRAGMA wal_checkpoint(PASSIVE)"
	commit            = "COMMIT"
	rollback          = "ROLLBACK"
)
