package core

import (
	"context"
	"fmt"
	"time"
)

// Finding is one place where the books do not agree.
type Finding struct {
	Campaign string `json:"campaign,omitempty"`
	Kind     string `json:"kind"`    // counter, order, claim, reservation, rollout, payment, account, or a document's kind
	Subject  string `json:"subject"` // the row
	Detail   string `json:"detail"`  // what it says and what it should say
}

// AuditSummary counts what an audit looked at.
type AuditSummary struct {
	Campaigns    int64 `json:"campaigns"`
	Counters     int64 `json:"counters"`
	Orders       int64 `json:"orders"`
	Claims       int64 `json:"claims"`
	Reservations int64 `json:"reservations"`
	Arrivals     int64 `json:"arrivals"`
	Documents    int64 `json:"documents"`
	Transfers    int64 `json:"transfers"`
	Findings     int64 `json:"findings"`
	// StaleOrders is how many orders, at least, came after a change that was in force and were decided under an epoch before it.
	StaleOrders int64 `json:"stale_orders"`
}

// Audit checks the books of every campaign, one per snapshot, and then the wallet's ledger: limit = remaining +
// outstanding + spent for every counter, an owner for every claim and the claims of every owner, order totals = lines =
// dues, positions without gaps, vouchers = what their pools granted, entries = what their draws counted, members = seats,
// links = the claims of who came through them, no order of an epoch that was over, balances = transfers, paid dues =
// payments, and refunded dues = refunds. It reads only and stops nobody. Every finding is reported as it is found; the
// error is the store's.
func Audit(ctx context.Context, books Books, campaigns []CampaignKey, report func(Finding)) (AuditSummary, error) {
	a := &audit{
		report: report, began: time.Now().UnixMilli(), audited: map[string]struct{}{}, payments: map[string]*auditedPayment{},
	}
	for _, of := range campaigns {
		a.begin(of.ID)
		if err := books.Book(ctx, of, a); err != nil {
			return a.summary, storeError(err)
		}
		a.finish()
	}
	l := &ledgerAudit{audit: a, balances: map[Account]int64{}, moved: map[Account]int64{}, kept: map[string]Transfer{}}
	if err := books.LedgerBook(ctx, l); err != nil {
		return a.summary, storeError(err)
	}
	l.finish()
	return a.summary, nil
}

// audit is the visitor of one campaign after the other.
type audit struct {
	auditedCampaign

	report   func(Finding)
	summary  AuditSummary
	began    int64 // Unix milliseconds
	audited  map[string]struct{}
	payments map[string]*auditedPayment // of every order's dues, by id
}

// auditedCampaign is what the audit has to remember of one campaign, until all its rows have come.
type auditedCampaign struct {
	campaign  string
	counters  map[string]Counter
	taken     map[string]int64
	held      map[claimKey]string // claims that orders say they hold, with the order
	loose     map[claimKey]string // claims that no order says it holds, with their owner
	orders    map[string]struct{}
	refunded  map[string]bool   // orders that were refunded; whether a task is to void what was granted for them
	vouchers  map[string]string // codes that orders claim, with the order
	links     map[string]*auditedLink
	seats     map[string]auditedSeat // by order
	draws     map[string]struct{}
	winners   map[string]struct{} // entries that won
	queue     auditedQueue
	reserved  int64
	positions int64           // the last one
	places    int64           // the sum of all
	decided   map[int64]int64 // how many orders were decided under each epoch
	rollouts  []RolloutEntry
}

func (a *audit) begin(campaign string) {
	a.summary.Campaigns++
	a.audited[campaign] = struct{}{}
	a.auditedCampaign = auditedCampaign{
		campaign: campaign,
		counters: map[string]Counter{}, taken: map[string]int64{}, orders: map[string]struct{}{},
		refunded: map[string]bool{},
		held:     map[claimKey]string{}, loose: map[claimKey]string{}, vouchers: map[string]string{},
		links: map[string]*auditedLink{}, seats: map[string]auditedSeat{}, draws: map[string]struct{}{},
		winners: map[string]struct{}{}, decided: map[int64]int64{},
	}
}

func (a *audit) find(kind, subject, format string, args ...any) {
	a.summary.Findings++
	a.report(Finding{Campaign: a.campaign, Kind: kind, Subject: subject, Detail: fmt.Sprintf(format, args...)})
}

// VisitCounter implements [BookVisitor].
func (a *audit) VisitCounter(key string, c Counter, epoch, seen int64) {
	a.summary.Counters++
	a.counters[key] = c
	if epoch != seen {
		a.find("counter", key, "epoch is %d, seen is %d", epoch, seen)
	}
}

// VisitReservation implements [BookVisitor].
func (a *audit) VisitReservation(r Reservation) {
	a.summary.Reservations++
	a.reserved++
	a.positions = max(a.positions, r.Position)
	a.places += r.Position
}

// VisitArrival implements [BookVisitor].
func (a *audit) VisitArrival(arrival Arrival) {
	a.summary.Arrivals++
	a.queue.visit(arrival)
}

// take counts what somebody has taken.
func (a *audit) take(takes []Take) {
	for _, take := range takes {
		a.taken[take.Counter] += take.Units
	}
}

// finish checks what only the whole campaign shows.
func (a *audit) finish() {
	a.finishCounters()
	for id, order := range a.held {
		a.find("claim", id.shopper+" "+id.key, "order %s says that it holds it, and it does not exist", order)
	}
	for id, owner := range a.loose {
		a.find("claim", id.shopper+" "+id.key, "its owner %s does not hold it", owner)
	}
	if a.positions != a.reserved || a.places != a.reserved*(a.reserved+1)/2 {
		a.find("reservation", a.campaign, "%d reservations, the last position is %d", a.reserved, a.positions)
	}
	a.finishQueue()
	a.finishDocuments()
	a.finishRollouts()
}

func (a *audit) finishCounters() {
	a.taken[CounterReservations], a.taken[CounterOrders] = a.reserved, int64(len(a.orders))
	a.taken[CounterQueue] = a.queue.arrivals
	for key, c := range a.counters {
		if taken := a.taken[key]; c.Limit != c.Remaining+taken {
			a.find("counter", key, "limit %d, remaining %d, taken %d", c.Limit, c.Remaining, taken)
		}
		delete(a.taken, key)
	}
	delete(a.taken, CounterReservations) // which a campaign without a change since it was made may lack
	delete(a.taken, CounterOrders)
	if a.queue.arrivals == 0 { // most campaigns have no waiting room
		delete(a.taken, CounterQueue)
	}
	for key, units := range a.taken {
		a.find("counter", key, "%d are taken from a counter that does not exist", units)
	}
}
