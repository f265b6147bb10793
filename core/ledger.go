package core

import "context"

// Transfer moves money between two accounts of the wallet's ledger. Its id makes it idempotent: the same id never moves
// money twice.
type Transfer struct {
	ID       string
	Kind     TransferKind
	From, To string // accounts: "shopper/<id>", "brand/<id>", "outside", "paid_out"
	Currency string
	Amount   int64 // minor units, > 0
	Campaign string
	Order    string // the order a payment or refund is for
	At       int64  // Unix milliseconds
	// Settled is false for a payment until its order has taken note of it or it was refunded.
	Settled bool
	// Request is the Idempotency-Key of the request that a payment was made for, or where the money of a payout went; "" for
	// other transfers.
	Request string
}

// TransferKind says why money moved.
type TransferKind string

// The kinds of transfers.
const (
	TransferTopUp   TransferKind = "topup"
	TransferPayment TransferKind = "payment"
	TransferRefund  TransferKind = "refund"
	TransferPayout  TransferKind = "payout" // money that has left the wallet
)

// AccountOutside is where top-ups come from; it alone may be negative.
const AccountOutside = "outside"

// ShopperAccount is the wallet of a shopper.
func ShopperAccount(shopper string) string { return "shopper/" + shopper }

// BrandAccount is where a brand's takings go.
func BrandAccount(brand string) string { return "brand/" + brand }

// Account names a balance.
type Account struct {
	Name, Currency string
}

// Ledger is the wallet's double-entry book. It knows nothing of campaigns beyond the names on a transfer.
type Ledger interface {
	// Post writes the transfers and moves the balances, all in one transaction. It fails with ErrConflict when an id
	// exists or an account other than outside would fall below 0; nothing is written then. Accounts are locked in
	// order of name and currency.
	Post(ctx context.Context, transfers []Transfer) error
	// Transfers returns the transfers that exist among the ids.
	Transfers(ctx context.Context, ids []string) (map[string]Transfer, error)
	// Balances returns the balances of the accounts; one that does not exist is absent.
	Balances(ctx context.Context, accounts []Account) (map[Account]int64, error)
	// Wallet returns every balance of one account by currency.
	Wallet(ctx context.Context, account string) (map[string]int64, error)
	// Settle marks payments as settled.
	Settle(ctx context.Context, ids []string) error
	// Unsettled returns up to limit payments older than before (Unix milliseconds) that are not settled.
	Unsettled(ctx context.Context, before int64, limit int) ([]Transfer, error)
}

// BookVisitor receives the rows of a snapshot, in the order counters, orders by id, claims, reservations, documents
// by kind and id, the history by revision.
type BookVisitor interface {
	VisitCounter(key string, c Counter, epoch, seen int64)
	VisitOrder(order *Order)
	VisitClaim(claim Claim)
	VisitReservation(r Reservation)
	VisitArrival(a Arrival)
	VisitDocument(d *Document)
	VisitRollout(row RolloutEntry)
}

// LedgerVisitor receives the rows of the wallet's ledger from one snapshot: accounts first, then transfers by id.
type LedgerVisitor interface {
	VisitAccount(account Account, balance int64)
	VisitTransfer(t Transfer)
}

// Books reads everything that an audit checks, without stopping writers.
type Books interface {
	// Book streams one campaign from one snapshot.
	Book(ctx context.Context, of CampaignKey, v BookVisitor) error
	// LedgerBook streams the wallet's ledger from one snapshot.
	LedgerBook(ctx context.Context, v LedgerVisitor) error
}
