package core

import (
	"encoding/json"
	"strings"
)

// OrderState is where an order stands.
type OrderState string

// The states of an order: placed → paid → shipped → delivered, or one of the other three.
const (
	OrderPlaced    OrderState = "placed"
	OrderPaid      OrderState = "paid"
	OrderShipped   OrderState = "shipped"
	OrderDelivered OrderState = "delivered"
	OrderExpired   OrderState = "expired"
	OrderCancelled OrderState = "cancelled"
	OrderRefunded  OrderState = "refunded"
)

// TakesState is what became of an order's takes and limit claims; it moves from outstanding exactly once, unless late
// money takes everything again.
type TakesState string

// The states of an order's takes.
const (
	TakesOutstanding TakesState = "outstanding"
	TakesReturned    TakesState = "returned"
	TakesSpent       TakesState = "spent"
)

// Order is one shopper's purchase. Everything above Revision is pinned when the order is placed and never changes.
type Order struct {
	Campaign   string          // also the distribution key of the row
	ID         string          // "<campaign>.<26 characters>", sorted by time within a campaign
	Brand      string          // the campaign's brand
	Shopper    string          // whose order it is
	Currency   string          // ISO 4217
	Total      int64           // sum of the lines, minor units
	Lines      []Line          // what is bought
	Takes      []Take          // the counters this order took from
	Claims     []Claim         // the once-only keys this order holds (without the request's)
	Quote      json.RawMessage // the pinned decision: facts, effects, digests, versions; canonical JSON
	PlacedAt   int64           // Unix milliseconds
	Revision   int64           // rises with every change, from 1; changes compare and swap on it
	State      OrderState
	TakesState TakesState
	HoldUntil  int64       // Unix milliseconds; a placed order expires after it
	UpdatedAt  int64       // Unix milliseconds
	Dues       []Due       // what is to be paid, when
	Conditions []Condition // what has to happen before it ships
	Shipment   *Shipment   // how it was sent; nil until then
}

// Shipment is how an order was sent.
type Shipment struct {
	Carrier     string `json:"carrier"`
	Tracking    string `json:"tracking"`
	ShippedAt   int64  `json:"shipped_at"`             // Unix milliseconds
	DeliveredAt int64  `json:"delivered_at,omitempty"` // Unix milliseconds
}

// Line is one position of an order. Amount = Units × UnitPrice − Discount.
type Line struct {
	SKU       string `json:"sku"`
	Units     int64  `json:"units"`
	UnitPrice int64  `json:"unit_price"`
	Discount  int64  `json:"discount,omitempty"`
	Amount    int64  `json:"amount"`
	Labels    []Text `json:"labels,omitempty"` // why the price is what it is
}

// Due is one payment an order waits for.
type Due struct {
	Kind    string `json:"kind"`   // full, deposit, balance or difference
	Amount  int64  `json:"amount"` // minor units
	DueAt   int64  `json:"due_at"` // Unix milliseconds
	State   string `json:"state"`  // open, paid, refunded or forfeited
	Payment string `json:"payment,omitempty"`
	PaidAt  int64  `json:"paid_at,omitempty"` // Unix milliseconds; 0 until it is paid
	// Unpaid says of a deposit what becomes of it if the balance is not paid in time, as the campaign file said when the
	// order was placed.
	Unpaid Unpaid `json:"unpaid,omitempty"`
}

// The states of a due.
const (
	DueOpen     = "open"
	DuePaid     = "paid"
	DueRefunded = "refunded"
	// DueForfeited was paid, and kept although the order came to nothing: a deposit whose balance was not paid in time,
	// in a campaign whose file says so.
	DueForfeited = "forfeited"
	// DueVoid is how a due is shown that stayed open when its order ended; it is stored as open.
	DueVoid = "void"
)

// DueState is the state in which a due of the order is shown.
func (o *Order) DueState(d *Due) string {
	switch o.State {
	case OrderExpired, OrderCancelled, OrderRefunded:
		if d.State == DueOpen {
			return DueVoid
		}
	case OrderPlaced, OrderPaid, OrderShipped, OrderDelivered:
	}
	return d.State
}

// Condition is a duty the order carries; it ships when all are met.
type Condition struct {
	Kind  string          `json:"kind"`
	Data  json.RawMessage `json:"data,omitempty"`
	State string          `json:"state"` // ConditionOpen and so on
}

// Take is units of a counter, owned by an order.
type Take struct {
	Counter string `json:"counter"`
	Units   int64  `json:"units"`
}

// ClaimKind separates the key spaces of claims.
type ClaimKind string

// The kinds of claims.
const (
	ClaimLimit  ClaimKind = "limit"  // one unit slot of a limit per shopper: key "sku/n", n from 1
	ClaimOnce   ClaimKind = "once"   // a mechanic's once effect: key as the mechanic named it
	ClaimOrder  ClaimKind = "order"  // the Idempotency-Key of the request that placed the order
	ClaimPay    ClaimKind = "pay"    // … that paid it
	ClaimCancel ClaimKind = "cancel" // … that cancelled it
	// ClaimVoucher is a voucher on its way into an order: key its code. It is held by the voucher, not by the shopper, so
	// that it can be redeemed once, whoever has the code.
	ClaimVoucher ClaimKind = "voucher"
	ClaimGroup   ClaimKind = "group"  // a seat in a group: key the group's id
	ClaimShare   ClaimKind = "share"  // the shopper's link: key "", owner its code
	ClaimVisit   ClaimKind = "visit"  // that the shopper came through a link: key and owner its code
	ClaimQueue   ClaimKind = "queue"  // a place in the waiting room that has let an order in: key the place, owner the order
	ClaimSocial  ClaimKind = "social" // a social event, or an account's repost of a link; owner the link's code
)

// scope returns whose range of keys a claim is in: the shopper's, or what no shopper's id can be (it has a space).
func (k ClaimKind) scope(shopper, key string) string {
	if k == ClaimVoucher {
		return voucherScope(key)
	}
	return shopper
}

// voucherScope holds the claims of a voucher: at most one, owned by the order that it is redeemed with.
func voucherScope(code string) string { return " " + code }

// Claim is a once-only key: unique in (campaign, shopper, kind, key). Its owner is the order or document it belongs to.
type Claim struct {
	Shopper string    `json:"-"` // in whose range of keys it is; not a shopper's for the kinds that say so
	Kind    ClaimKind `json:"kind"`
	Key     string    `json:"key"`
	Owner   string    `json:"-"`
	// Fingerprint is the SHA-256 (first 16 bytes, hex) of the canonical request body, for claims of requests.
	Fingerprint string `json:"-"`
}

// Reservation is a shopper's sign-up. Position counts from 1 per campaign, in commit order, without gaps.
type Reservation struct {
	Shopper  string
	At       int64 // Unix milliseconds
	Position int64
}

// CampaignOf returns the campaign that an order's id embeds, or "".
func CampaignOf(orderID string) string {
	if !ValidOrderID(orderID) { // strangers send anything, and no store should see it
		return ""
	}
	campaign, _, _ := strings.Cut(orderID, ".")
	return campaign
}

// The states of a condition.
const (
	ConditionOpen     = "open"
	ConditionReceived = "received" // what was to be handed in is here
	ConditionMet      = "met"
	ConditionWaived   = "waived"
	ConditionFailed   = "failed"
)

// The kinds of dues.
const (
	DueFull    = "full"
	DueDeposit = "deposit"
	DueBalance = "balance"
	// DueDifference is what a member of a failed group may pay to have the item at the full price. It comes on top of the
	// order's total.
	DueDifference = "difference"
)

// ConditionGroup is the kind of the condition that an order's group is complete. Its data is {"difference": n, "group":
// id, "returns": n}: the group, what the order costs more without its price, and what the discount budget gets back when
// that is paid, minor units. Obligations cannot have this kind.
const ConditionGroup = "group"
