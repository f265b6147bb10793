package core

import (
	"context"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// Counter keys. A counter is a bounded quantity of a campaign: limit = remaining + Σ outstanding + Σ spent.
const (
	// CounterReservations numbers the reservations; it has no bound.
	CounterReservations = "reservations"
	// CounterOrders counts the orders that were ever placed; it has no bound.
	CounterOrders = "orders"
	// CounterQueue numbers the arrivals in the waiting room; it has no bound.
	CounterQueue = "queue"
	// CounterBudget is the campaign's discount budget in minor units.
	CounterBudget = "budget/discount"
	// Unbounded is the limit of a counter that only counts.
	Unbounded = math.MaxInt64
)

// StockCounter is the counter of an item's stock.
func StockCounter(sku string) string { return "stock/" + sku }

// QuotaCounter is the counter of a named quota.
func QuotaCounter(name string) string { return "quota/" + name }

// PoolCounter is the counter of the codes that a voucher pool has left to grant.
func PoolCounter(pool string) string { return "pool/" + pool }

// DrawCounter counts the weight of a draw's entries. Closing the draw takes all that is left, so that no entry can
// come after it.
func DrawCounter(draw string) string { return "draw/" + draw }

// What a store answers when a plan cannot be applied. Stores wrap the driver's error around them.
var (
	// ErrConflict means that a constraint, a fence, a revision or a unique key refused the plan; nothing was written.
	ErrConflict = errors.New("conflict")
	// ErrUnavailable means that the database did not answer. Whether a plan was applied is then unknown: applying the
	// same plan again finds out, because its ids are its own.
	ErrUnavailable = errors.New("store unavailable")
	// ErrFull means that the database has no room; nothing was written.
	ErrFull = errors.New("store full")
)

// Plan is everything that one transaction writes for one campaign. A store applies it whole or not at all, in this
// order of locks: Moves (sorted by order id) → claims released, then Claims inserted (sorted by shopper, kind, key) →
// Orders → Documents (the new ones, then the others, each sorted by kind, id) → Counters (sorted by key) → Reservations → Arrivals.
type Plan struct {
	Campaign string
	Brand    string
	// Epoch is the campaign epoch the plan was decided under; a counter whose epoch is another refuses it. 0 means that
	// the plan follows pinned quotes and is not fenced.
	Epoch  int64
	Moves  []Move
	Claims []Claim
	Orders []*Order
	// Documents are inserted if their Revision is 0, else compared and swapped, or deleted if their State is "". Revisions
	// begin at 1 again when a document that was deleted is inserted again, so an id is for one thing only.
	Documents    []*Document
	Counters     []Delta
	Reservations []*Reservation
	Arrivals     []*Arrival
	Entry        *StaffEntry // what staff did, nil if nobody of them did it
}

// Move changes an existing order, if its revision is still the one that was read.
type Move struct {
	// Order holds the new mutable values (State, TakesState, HoldUntil, UpdatedAt, Dues, Conditions, Shipment). Its
	// Revision is the one that was read; the row gets Revision + 1.
	Order *Order
	// Release deletes the order's Claims that it owns; Reclaim inserts them again. Each is found in its own range of keys,
	// which need not be the shopper's.
	Release, Reclaim bool
}

// Delta takes Units from a counter, or returns them when negative. Units may be 0: the counter is then only fenced.
type Delta struct {
	Counter string
	Units   int64
}

// Applied is what a store knows after a plan's commit.
type Applied struct {
	// Remaining is what is left of each counter of the plan.
	Remaining map[string]int64
	// Reserved is the value of the counter of reservations before the plan; reservation i got position Reserved+i+1.
	Reserved int64
	// Arrived is the value of the counter of the waiting room's arrivals before the plan; arrival i got number Arrived+i+1.
	Arrived int64
}

// Count takes note of what a counter numbers: how many there were before the delta, which left so much of its limit.
func (a *Applied) Count(delta Delta, limit, remaining int64) {
	switch before := limit - remaining - delta.Units; delta.Counter {
	case CounterReservations:
		a.Reserved = before
	case CounterQueue:
		a.Arrived = before
	}
}

// Uncounted says what the plan inserts without counting it, which no store may do, as numbers have no gaps; "" if there is
// nothing.
func (p *Plan) Uncounted() string {
	units := map[string]int64{}
	for _, delta := range p.Counters {
		units[delta.Counter] += delta.Units
	}
	for counter, inserted := range map[string]int{CounterReservations: len(p.Reservations), CounterQueue: len(p.Arrivals)} {
		if inserted > 0 && units[counter] != int64(inserted) {
			return fmt.Sprintf("inserts %d rows that the counter %s numbers, and takes %d units of it", inserted, counter, units[counter])
		}
	}
	return ""
}

// CampaignKey names a campaign with the brand that it belongs to. A store finds nothing of a campaign under another brand,
// whoever asks.
type CampaignKey struct {
	Brand, ID string
}

// Key names the campaign with its brand.
func (c *Campaign) Key() CampaignKey { return CampaignKey{Brand: c.Brand, ID: c.ID} }

// Query names what a plan has to know. Every list may be empty.
type Query struct {
	Campaign  string
	Brand     string         // whose campaign it is
	Shoppers  []string       // their reservation and claims
	Kinds     []DocumentKind // which documents of these shoppers come along
	Orders    []string       // whole orders, by id
	Documents []DocumentKey  // whole documents
	Counters  bool           // every counter of the campaign, and its epoch
	Arrivals  bool           // the last arrival of each of these shoppers comes along
	Placed    bool           // who has placed which order: every order's claim of the kind [ClaimOrder]
}

// State is the answer to a [Query], read in one snapshot.
type State struct {
	Epoch     int64 // only with Counters
	Counters  map[string]Counter
	Shoppers  map[string]*ShopperState // a shopper without rows is absent
	Orders    map[string]*Order
	Documents map[DocumentKey]*Document // those that were asked for by key
	Placed    []Claim                   // only their Shopper and Owner
}

// Counter is one bounded quantity.
type Counter struct {
	Limit     int64
	Remaining int64
}

// ShopperState is what a campaign knows of one shopper.
type ShopperState struct {
	Reservation *Reservation
	Arrival     *Arrival // the last one; nil without Query.Arrivals
	Claims      []Claim
	Documents   []*Document // of the kinds that were asked for
}

// Store holds orders, claims, counters and reservations. Implementations are thin: plans are made here, the statements
// are theirs. Every method is safe for concurrent use and, apart from a context's own error, fails with something that
// wraps ErrConflict, ErrUnavailable or ErrFull, or with a defect.
type Store interface {
	// Load answers the query from one snapshot.
	Load(ctx context.Context, q Query) (*State, error)
	// Apply commits the plan in one transaction. It is durable when Apply returns nil.
	Apply(ctx context.Context, plan *Plan) (*Applied, error)
	// ApplyLocked locks the campaign's counters in key order, answers the query (Counters is implied), lets build make
	// the plan from it, and commits that plan in the same transaction. A nil plan or an error of build commits nothing.
	ApplyLocked(ctx context.Context, q Query, build func(*State) (*Plan, error)) (*Applied, error)
	// Due returns up to limit placed orders of the campaign whose hold ended before now, the earliest first.
	Due(ctx context.Context, of CampaignKey, now int64, limit int) ([]*Order, error)
	// DueDocuments returns up to limit documents of the campaign, of any kind, whose Due is not 0 and not after now (Unix
	// milliseconds), the earliest first.
	DueDocuments(ctx context.Context, of CampaignKey, now int64, limit int) ([]*Document, error)
	// ListDocuments answers the query, in the order of the documents' ids or the other way round.
	ListDocuments(ctx context.Context, q DocumentQuery) ([]*Document, error)
	// ListOrders returns up to limit orders of the campaign, the newest first: those in the state, or in any if it is "",
	// that are older than the order after, with which the page before ended, or from the newest on if that is "".
	ListOrders(ctx context.Context, of CampaignKey, state, after string, limit int) ([]*Order, error)
	// ListArrivals returns up to limit arrivals of the campaign whose number is above after, in their order. What it returns
	// has no gaps: a number is committed before the next one is.
	ListArrivals(ctx context.Context, of CampaignKey, after int64, limit int) ([]*Arrival, error)
}

// Bounds returns what the ids that the query asks for lie between: at from or after it, and before until, which is "" if
// nothing bounds them there. Of these the query leaves out After itself. It is how a store finds a prefix by seeking the
// keys, which compare by bytes and so by code points.
func (q *DocumentQuery) Bounds() (from, until string) {
	from, until = max(q.Prefix, q.After), q.endOfPrefix()
	if until == "" || q.Before != "" && q.Before < until {
		until = q.Before
	}
	return from, until
}

// endOfPrefix is the first text after all that begin with the prefix; "" if there is none.
func (q *DocumentQuery) endOfPrefix() string {
	for prefix := []rune(q.Prefix); len(prefix) > 0; prefix = prefix[:len(prefix)-1] {
		last := &prefix[len(prefix)-1]
		if *last == utf8.MaxRune {
			continue // nothing comes after it here: what comes after the rest is next
		}
		if *last++; !utf8.ValidRune(*last) {
			*last = 0xE000 // the first code point after the surrogates, which no text has
		}
		return string(prefix)
	}
	return ""
}

// CampaignRecord is a campaign as it is stored.
type CampaignRecord struct {
	Definition *Campaign
	Revision   int64 // rises with every change of the file; the ETag
	Epoch      int64 // rises with every change that can change a decision
	Rollout    Rollout
	Ruleset    Ruleset // the live one
	Rulesets   int64   // the highest number that a ruleset of it has
	Demo       bool    // made by serve --demo: its windows may be shifted
	// Agreed is the campaign file as it was when two people agreed on it last, or when nobody had to: nil if it is Definition.
	Agreed *Campaign
}

// Ruleset is an immutable, numbered list of bindings with the digests they resolved to.
type Ruleset struct {
	Number    int64               `json:"ruleset"`
	Bindings  []Binding           `json:"bindings"`
	Stacking  map[string]Stacking `json:"stacking,omitempty"`
	Digests   []string            `json:"digests"`            // of each binding's artefact
	Previous  int64               `json:"previous,omitempty"` // the ruleset that was live when it was made; 0 for the first
	Reason    string              `json:"reason,omitempty"`
	Hooks     []Hook              `json:"hooks"` // at which any of them has something to say; nil if it was stored before that was
	CreatedAt int64               `json:"created_at"`
	CreatedBy string              `json:"created_by"`
	// Warnings are what its mechanics failed at when they were first asked, about made-up orders, and what is amiss with its
	// plugins, for people. They are told to who adds or applies it, and never stored.
	Warnings []string `json:"-"`
}

// CampaignChange replaces a campaign and fences everything decided before it.
type CampaignChange struct {
	Record CampaignRecord // the new state: Revision and Epoch are already the next ones
	// From is the revision that was read; 0 creates the campaign. Another revision in the store is ErrConflict.
	From int64
	// Limits is what each counter's limit shall be. A counter that exists moves by the difference (remaining too), one
	// that does not is created; a counter that is no longer named keeps its row with the limit at what is taken.
	Limits map[string]int64
	// NewRuleset says that Record.Ruleset is to be stored under its number.
	NewRuleset bool
	// Artefacts are what its bindings take from the binary. Those that are stored already stay as they are.
	Artefacts []*Artefact
	Documents []*Document // inserted unless they exist: the draws that the file names
	Entry     StaffEntry
}

// AddedRuleset is a ruleset on its way into the store.
type AddedRuleset struct {
	Campaign, Brand string
	Ruleset         Ruleset
	Artefacts       []*Artefact
	Entry           StaffEntry
}

// CampaignVersion is what a node polls: enough to know whether it is behind.
type CampaignVersion struct {
	ID    string
	Brand string
	Epoch int64
	// Revision also rises with changes that cannot change a decision.
	Revision int64
	Rulesets int64 // the highest number that a ruleset of it has: nodes compile those that are new before they decide
}

// CampaignStore holds campaigns, rulesets and the staff log.
type CampaignStore interface {
	// Campaigns lists every campaign's version, sorted by id.
	Campaigns(ctx context.Context) ([]CampaignVersion, error)
	// Campaign returns one campaign with its live ruleset, or nil when there is none.
	Campaign(ctx context.Context, id string) (*CampaignRecord, error)
	// Ruleset returns one ruleset of a campaign, or nil when there is none.
	Ruleset(ctx context.Context, of CampaignKey, number int64) (*Ruleset, error)
	// Artefact returns the artefact of the digest, or nil when there is none.
	Artefact(ctx context.Context, digest string) (*Artefact, error)
	// AddRuleset stores a ruleset that is not to decide yet. Its number has to be the next one, else it fails with ErrConflict.
	AddRuleset(ctx context.Context, added *AddedRuleset) error
	// Rollouts returns up to limit rows of the campaign's history with revisions below the given one, or all if that is 0, the
	// newest first.
	Rollouts(ctx context.Context, of CampaignKey, below int64, limit int) ([]RolloutEntry, error)
	// Rollout returns the first row of the campaign's history that has the rollout of the number, or nil when there is none.
	Rollout(ctx context.Context, of CampaignKey, number int64) (*RolloutEntry, error)
	// SaveCampaign commits the change in one transaction: it compares and swaps the revision, sets epoch = seen on the
	// campaign's counters in key order, and writes ruleset, artefacts, staff entry and the row of the history. A limit below
	// what is taken fails with an [Error] of code below_taken that names the counter.
	SaveCampaign(ctx context.Context, change *CampaignChange) error
}
