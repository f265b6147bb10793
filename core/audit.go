package core

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Finding is one place where the books do not agree.
type Finding struct {
	Campaign string `json:"campaign,omitempty"`
	Kind     string `json:"kind"`    // counter, order, claim, reservation, payment, account
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
	Transfers    int64 `json:"transfers"`
	Findings     int64 `json:"findings"`
}

// Audit checks the books of every campaign, one per snapshot, and then the wallet's ledger: limit = remaining +
// outstanding + spent for every counter, an owner for every claim and the claims of every owner, order totals = lines,
// positions without gaps, balances = transfers, and paid dues = payments. It reads only and stops nobody. Every finding
// is reported as it is found; the error is the store's.
func Audit(ctx context.Context, books Books, campaigns []string, report func(Finding)) (AuditSummary, error) {
	a := &audit{report: report, paid: map[string]int64{}, audited: map[string]struct{}{}}
	began := time.Now().UnixMilli()
	for _, id := range campaigns {
		a.begin(id)
		if err := books.Book(ctx, id, a); err != nil {
			return a.summary, storeError(err)
		}
		a.finish()
	}
	l := &ledgerAudit{
		audit: a, old: began - settleAfter, balances: map[Account]int64{}, moved: map[Account]int64{},
		kept: map[string]Transfer{}, paying: map[string]struct{}{},
	}
	if err := books.LedgerBook(ctx, l); err != nil {
		return a.summary, storeError(err)
	}
	l.finish()
	return a.summary, nil
}

// audit is the visitor of one campaign after the other.
type audit struct {
	report  func(Finding)
	summary AuditSummary
	paid    map[string]int64 // paid amounts of every order's dues, by payment
	audited map[string]struct{}

	campaign  string
	counters  map[string]Counter
	taken     map[string]int64
	claims    map[claimKey]string // claims that orders say they hold, with the order
	orders    map[string]struct{}
	reserved  int64
	positions int64 // the last one
	places    int64 // the sum of all
}

func (a *audit) begin(campaign string) {
	a.summary.Campaigns++
	a.campaign = campaign
	a.audited[campaign] = struct{}{}
	a.counters, a.taken = map[string]Counter{}, map[string]int64{}
	a.claims, a.orders = map[claimKey]string{}, map[string]struct{}{}
	a.reserved, a.positions, a.places = 0, 0, 0
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

// VisitOrder implements [BookVisitor].
func (a *audit) VisitOrder(o *Order) {
	a.summary.Orders++
	a.orders[o.ID] = struct{}{}
	a.checkAmounts(o)
	if o.TakesState == TakesReturned {
		return
	}
	for _, take := range o.Takes {
		a.taken[take.Counter] += take.Units
	}
	for i := range o.Claims {
		if other, ok := a.claims[o.Claims[i].id()]; ok {
			a.find("claim", o.Claims[i].Key, "orders %s and %s both say that they hold it", other, o.ID)
		}
		a.claims[o.Claims[i].id()] = o.ID
	}
}

// checkAmounts checks an order against itself.
func (a *audit) checkAmounts(o *Order) {
	var lines, dues, paid int64
	for _, l := range o.Lines {
		lines += l.Amount
		if l.Units*l.UnitPrice-l.Discount != l.Amount {
			a.find("order", o.ID, "line %s: %d × %d − %d is not %d", l.SKU, l.Units, l.UnitPrice, l.Discount, l.Amount)
		}
	}
	for _, d := range o.Dues {
		dues += d.Amount
		if d.State == DuePaid {
			paid += d.Amount
			a.paid[d.Payment] += d.Amount
		}
	}
	if lines != o.Total {
		a.find("order", o.ID, "the lines sum up to %d, the total is %d", lines, o.Total)
	}
	if dues != o.Total {
		a.find("order", o.ID, "the dues sum up to %d, the total is %d", dues, o.Total)
	}
	isPaid := slices.Contains([]OrderState{OrderPaid, OrderShipped, OrderDelivered}, o.State)
	if isPaid != (paid == o.Total && o.TakesState == TakesSpent) {
		a.find("order", o.ID, "%s, takes %s, with %d of %d paid", o.State, o.TakesState, paid, o.Total)
	}
}

// VisitClaim implements [BookVisitor].
func (a *audit) VisitClaim(c Claim) {
	a.summary.Claims++
	switch c.Kind {
	case ClaimLimit, ClaimOnce:
		if a.claims[c.id()] != c.Owner {
			a.find("claim", c.Shopper+" "+c.Key, "its owner %s does not hold it", c.Owner)
		}
		delete(a.claims, c.id())
	default:
		if _, ok := a.orders[c.Owner]; !ok {
			a.find("claim", c.Shopper+" "+c.Key, "its owner %s does not exist", c.Owner)
		}
	}
}

// VisitReservation implements [BookVisitor].
func (a *audit) VisitReservation(r Reservation) {
	a.summary.Reservations++
	a.reserved++
	a.positions = max(a.positions, r.Position)
	a.places += r.Position
}

// VisitDocument implements [BookVisitor].
func (a *audit) VisitDocument(*Document) {}

// finish checks what only the whole campaign shows.
func (a *audit) finish() {
	for key, c := range a.counters {
		taken := a.taken[key]
		switch key {
		case CounterReservations:
			taken = a.reserved
		case CounterOrders:
			taken = int64(len(a.orders))
		}
		if c.Limit != c.Remaining+taken {
			a.find("counter", key, "limit %d, remaining %d, taken %d", c.Limit, c.Remaining, taken)
		}
		delete(a.taken, key)
	}
	for key, units := range a.taken {
		a.find("counter", key, "orders take %d from a counter that does not exist", units)
	}
	for id, order := range a.claims {
		a.find("claim", id.shopper+" "+id.key, "order %s says that it holds it, and it does not exist", order)
	}
	if a.positions != a.reserved || a.places != a.reserved*(a.reserved+1)/2 {
		a.find("reservation", a.campaign, "%d reservations, the last position is %d", a.reserved, a.positions)
	}
}

// ledgerAudit is the visitor of the wallet's ledger, after all campaigns.
type ledgerAudit struct {
	*audit

	old      int64 // payments before this moment (Unix milliseconds) were settled before the campaigns were read
	balances map[Account]int64
	moved    map[Account]int64
	paying   map[string]struct{} // payments that paid a due
	kept     map[string]Transfer // old payments without an order and, so far, without a refund
}

// VisitAccount implements [LedgerVisitor].
func (l *ledgerAudit) VisitAccount(account Account, balance int64) { l.balances[account] = balance }

// VisitTransfer implements [LedgerVisitor].
func (l *ledgerAudit) VisitTransfer(t Transfer) {
	l.summary.Transfers++
	l.moved[Account{t.From, t.Currency}] -= t.Amount
	l.moved[Account{t.To, t.Currency}] += t.Amount
	switch t.Kind {
	case TransferRefund:
		payment := t.ID[len(refundPrefix):]
		if _, ok := l.paying[payment]; ok {
			l.find("payment", payment, "it was refunded, and its order is paid by it all the same")
		}
		delete(l.kept, payment) // refunds come after payments: "pay/" sorts before "refund/"
	case TransferPayment:
		l.visitPayment(t)
	}
}

// visitPayment holds a payment against the due that it paid.
func (l *ledgerAudit) visitPayment(t Transfer) {
	l.campaign = t.Campaign
	paid, ok := l.paid[t.ID]
	delete(l.paid, t.ID)
	if ok {
		l.paying[t.ID] = struct{}{}
	}
	_, audited := l.audited[t.Campaign]
	switch {
	case ok && paid != t.Amount:
		l.find("payment", t.ID, "the due says %d, the ledger %d", paid, t.Amount)
	case !ok && audited && t.Settled && t.At < l.old:
		l.kept[t.ID] = t
	}
}

// finish checks what only the whole ledger shows.
func (l *ledgerAudit) finish() {
	l.campaign = ""
	for account, balance := range l.balances {
		if l.moved[account] != balance {
			l.find("account", account.Name+" "+account.Currency, "the balance is %d, the transfers sum up to %d", balance, l.moved[account])
		}
		delete(l.moved, account)
	}
	for account, sum := range l.moved {
		l.find("account", account.Name+" "+account.Currency, "transfers sum up to %d for an account that does not exist", sum)
	}
	for id, t := range l.kept {
		l.find("payment", id, "%d were taken for order %s, which is neither paid by it nor was it refunded", t.Amount, t.Order)
	}
	for payment, amount := range l.paid {
		if amount > 0 {
			l.find("payment", payment, "a due of %d is paid by a payment that the ledger does not have", amount)
		}
	}
}
