package core

import "context"

// ShopperStore finds and erases what campaigns keep of one shopper. It is not on any shopper's way: its statements may read
// whole tables of a campaign.
type ShopperStore interface {
	// OrdersNaming returns up to limit orders of the campaign, after the id after and in the order of ids, whose pinned
	// decision has the text.
	OrdersNaming(ctx context.Context, of CampaignKey, text, after string, limit int) ([]*Order, error)
	// RefusalsNaming is the same for the refusals that were kept.
	RefusalsNaming(ctx context.Context, of CampaignKey, text, after string, limit int) ([]*RefusalRecord, error)
	// ReportsNaming returns the reports of the campaign that have the text, by subject and node.
	ReportsNaming(ctx context.Context, of CampaignKey, text string) ([]Report, error)
	// Erase commits the erasure in one transaction. It fails with ErrConflict, and has written nothing, if something is no
	// longer as it was read, or if anything else of the shopper would be left in the campaign.
	Erase(ctx context.Context, e *Erasure) error
	// AccountTransfers returns up to limit transfers from or to the account, after the id after and in the order of ids.
	AccountTransfers(ctx context.Context, account, after string, limit int) ([]Transfer, error)
	// EraseAccount commits the erasure of an account in one transaction: ErrConflict if it has money.
	EraseAccount(ctx context.Context, e *AccountErasure) error
	// PayOut posts the transfer, as [Ledger] does, with its row of the staff log in the same transaction.
	PayOut(ctx context.Context, t *Transfer, entry *StaffEntry) error
	// AppendStaffEntry appends a row about what changes nothing else in the database.
	AppendStaffEntry(ctx context.Context, entry *StaffEntry) error
}

// Erasure is what one transaction does to a campaign's rows about one shopper. The locks are those of a [Plan]: orders →
// claims → documents → the rest.
type Erasure struct {
	Campaign, Brand    string
	Shopper, Tombstone string
	Arrival            string // what arrivals in the waiting room get for the shopper's id
	// Orders, sorted by id, are as they shall be: Shopper, Lines, Claims, Quote, Conditions and Shipment may be others.
	// Their Revision is the one that was read.
	Orders    []*Order
	Claims    []ErasedClaim // every claim of the shopper's
	Documents []*Document   // as in a Plan
	Refusals  []string      // the ids of those that go
	Reports   []Report      // with their new content
	Entry     *StaffEntry   // never nil
}

// ErasedClaim is a claim as it was read, and as it shall be.
type ErasedClaim struct{ From, To Claim }

// AccountErasure gives an account of the wallet's ledger another name, in its transfers too, which lose the keys of the
// requests that they were made for.
type AccountErasure struct {
	Account, Tombstone string
	Entry              *StaffEntry // never nil
}
