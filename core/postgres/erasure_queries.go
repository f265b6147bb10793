package postgres

import _ "embed" // the statements are files of their own

// The statements that find and erase what campaigns keep of a shopper, one file each.
var (
	//go:embed queries/account_transfers.sql
	accountTransfers string
	//go:embed queries/erase_account.sql
	eraseAccount string
	//go:embed queries/erase_arrivals.sql
	eraseArrivals string
	//go:embed queries/erase_claims.sql
	eraseClaims string
	//go:embed queries/erase_from.sql
	eraseFrom string
	//go:embed queries/erase_orders.sql
	eraseOrders string
	//go:embed queries/erase_refusals.sql
	eraseRefusals string
	//go:embed queries/erase_report.sql
	eraseReport string
	//go:embed queries/erase_reservation.sql
	eraseReservation string
	//go:embed queries/erase_to.sql
	eraseTo string
	//go:embed queries/left_of_account.sql
	leftOfAccount string
	//go:embed queries/left_of_shopper.sql
	leftOfShopper string
	//go:embed queries/orders_naming.sql
	ordersNaming string
	//go:embed queries/refusals_naming.sql
	refusalsNaming string
	//go:embed queries/reports_naming.sql
	reportsNaming string
)
