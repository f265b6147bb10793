package core_test

import (
	"context"
	"slices"
	"testing"

	"hotdrop/core"
)

// books are rows as a store would stream them; tests plant an error in them.
type books struct {
	counters     map[string]core.Counter
	orders       []*core.Order
	claims       []core.Claim
	reservations []core.Reservation
	arrivals     []core.Arrival
	documents    []*core.Document
	rollouts     []core.RolloutEntry
	behind       int64 // how far the epoch seen is behind the epoch
	accounts     map[core.Account]int64
	transfers    []core.Transfer
}

func (b *books) Book(_ context.Context, _ core.CampaignKey, v core.BookVisitor) error {
	for key, c := range b.counters {
		v.VisitCounter(key, c, 3, 3-b.behind)
	}
	for _, o := range b.orders {
		v.VisitOrder(o)
	}
	for _, c := range b.claims {
		v.VisitClaim(c)
	}
	for _, r := range b.reservations {
		v.VisitReservation(r)
	}
	for _, a := range b.arrivals {
		v.VisitArrival(a)
	}
	for _, d := range b.documents {
		v.VisitDocument(d)
	}
	for _, row := range b.rollouts {
		v.VisitRollout(row)
	}
	return nil
}

func (b *books) LedgerBook(_ context.Context, v core.LedgerVisitor) error {
	for account, balance := range b.accounts {
		v.VisitAccount(account, balance)
	}
	for _, t := range b.transfers {
		v.VisitTransfer(t)
	}
	return nil
}

// cleanBooks is one paid order, one reservation and the money for it.
func cleanBooks() *books {
	limit := core.Claim{Shopper: "ann", Kind: core.ClaimLimit, Key: "mi2/1", Owner: "c.1"}
	wallet, brand := core.Account{Name: "shopper/ann", Currency: "CNY"}, core.Account{Name: "brand/b", Currency: "CNY"}
	return &books{
		counters: map[string]core.Counter{
			"stock/mi2": {Limit: 10, Remaining: 9}, core.CounterReservations: {Limit: 100, Remaining: 99},
		},
		rollouts: []core.RolloutEntry{{Campaign: "c", Revision: 1, Epoch: 1}, {Campaign: "c", Revision: 2, Epoch: 3, Orders: 1}},
		orders: []*core.Order{{
			Quote: []byte(`{"bindings":[],"budget_left":-1,"engine":"2","epoch":2,"facts":{},"total":90}`),
			ID:    "c.1", Campaign: "c", Shopper: "ann", Total: 90, State: core.OrderPaid, TakesState: core.TakesSpent,
			Lines:  []core.Line{{SKU: "mi2", Units: 1, UnitPrice: 100, Discount: 10, Amount: 90}},
			Takes:  []core.Take{{Counter: "stock/mi2", Units: 1}},
			Claims: []core.Claim{limit},
			Dues:   []core.Due{{Kind: core.DueFull, Amount: 90, State: core.DuePaid, Payment: "pay/c.1/0"}},
		}},
		claims:       []core.Claim{limit, {Shopper: "ann", Kind: core.ClaimOrder, Key: "k", Owner: "c.1"}},
		reservations: []core.Reservation{{Shopper: "ann", Position: 1}},
		accounts:     map[core.Account]int64{wallet: 10, brand: 90, {Name: core.AccountOutside, Currency: "CNY"}: -100},
		transfers: []core.Transfer{
			{ID: "pay/c.1/0", Kind: core.TransferPayment, From: wallet.Name, To: brand.Name, Currency: "CNY", Amount: 90, Campaign: "c", Order: "c.1", Settled: true},
			{ID: "topup/ann/k", Kind: core.TransferTopUp, From: core.AccountOutside, To: wallet.Name, Currency: "CNY", Amount: 100, Settled: true},
		},
	}
}

// findingsOf audits the books.
func findingsOf(t *testing.T, b *books) []core.Finding {
	t.Helper()
	var findings []core.Finding
	summary, err := core.Audit(t.Context(), b, []core.CampaignKey{{Brand: "b", ID: "c"}}, func(f core.Finding) { findings = append(findings, f) })
	must(t, err)
	if int(summary.Findings) != len(findings) || int(summary.Documents) != len(b.documents) {
		t.Errorf("summary %+v, findings %v", summary, findings)
	}
	return findings
}

func auditOf(t *testing.T, b *books) []string {
	t.Helper()
	var kinds []string
	for _, f := range findingsOf(t, b) {
		kinds = append(kinds, f.Kind)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

func TestAnAuditFindsEveryPlantedError(t *testing.T) {
	if kinds := auditOf(t, cleanBooks()); len(kinds) != 0 {
		t.Fatalf("clean books have findings: %v", kinds)
	}
	for _, tt := range []struct {
		name  string
		plant func(b *books)
		want  string
	}{
		{"a unit that vanished", func(b *books) { b.counters["stock/mi2"] = core.Counter{Limit: 10, Remaining: 8} }, "counter"},
		{"a unit sold twice", func(b *books) { b.counters["stock/mi2"] = core.Counter{Limit: 10, Remaining: 10} }, "counter"},
		{"an order of an epoch that was over", func(b *books) { b.behind = 1 }, "counter"},
		{"an order that came after the next epoch", func(b *books) { b.rollouts[1].Orders = 0 }, "rollout"},
		{"a counter that is missing", func(b *books) { delete(b.counters, "stock/mi2") }, "counter"},
		{"takes that were returned by a paid order", func(b *books) { b.orders[0].TakesState = core.TakesReturned }, "order"},
		{"a total that is not its lines", func(b *books) { b.orders[0].Total = 91 }, "order"},
		{"lines that are not the total", func(b *books) { b.orders[0].Lines[0].Discount, b.orders[0].Lines[0].Amount = 11, 89 }, "order"},
		{"a line that does not add up", func(b *books) { b.orders[0].Lines[0].Discount = 11 }, "order"},
		{"a paid order with an open due", func(b *books) { b.orders[0].Dues[0].State, b.orders[0].Dues[0].Payment = core.DueOpen, "" }, "order"},
		{"a claim without its order", func(b *books) { b.claims[0].Owner = "c.2" }, "claim"},
		{"an order without its claim", func(b *books) { b.claims = b.claims[1:] }, "claim"},
		{"a request's claim without its order", func(b *books) { b.claims[1].Owner = "c.9" }, "claim"},
		{"a gap in the positions", func(b *books) { b.reservations[0].Position = 2 }, "reservation"},
		{"a reservation that was not counted", func(b *books) { b.reservations = nil }, "counter"},
		{"a balance that is not its transfers", func(b *books) { b.accounts[core.Account{Name: "shopper/ann", Currency: "CNY"}] = 11 }, "account"},
		{"a transfer to an account that is missing", func(b *books) { delete(b.accounts, core.Account{Name: "brand/b", Currency: "CNY"}) }, "account"},
		{"a due paid by no payment", func(b *books) { b.transfers = b.transfers[1:] }, "payment"},
		{"a due paid with another amount", func(b *books) { b.orders[0].Dues[0].Amount = 80 }, "payment"},
		{"a paid order whose payment was refunded", func(b *books) {
			refund := core.Transfer{ID: "refund/pay/c.1/0", Kind: core.TransferRefund, From: "brand/b", To: "shopper/ann", Currency: "CNY", Amount: 90}
			b.transfers = slices.Insert(b.transfers, 1, refund)
		}, "payment"},
		{"two reservations at one position", func(b *books) {
			b.reservations = append(b.reservations, core.Reservation{Shopper: "bob", Position: 2}, core.Reservation{Shopper: "cat", Position: 2})
			b.reservations[2].Position = 3
			b.reservations[1].Position = 3
			b.counters[core.CounterReservations] = core.Counter{Limit: 100, Remaining: 97}
		}, "reservation"},
		{"a paid due without a payment", func(b *books) { b.orders[0].Dues[0].Payment = "" }, "order"},
		{"an open due with a payment", func(b *books) { b.orders[0].Dues[0].State = core.DueOpen }, "order"},
		{"a placed order with nothing to be paid", func(b *books) {
			b.orders[0].State, b.orders[0].TakesState = core.OrderPlaced, core.TakesOutstanding
		}, "order"},
		{"an order that holds what it has returned", func(b *books) { b.orders[0].State = core.OrderExpired }, "order"},
		{"money kept without goods", func(b *books) { b.orders[0].Dues[0].Payment = "pay/c.1/1" }, "payment"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := cleanBooks()
			tt.plant(b)
			if kinds := auditOf(t, b); !slices.Contains(kinds, tt.want) {
				t.Errorf("findings = %v, want one of kind %s", kinds, tt.want)
			}
		})
	}
}

func TestAnAuditLetsARefundAndAPaymentUnderWayBe(t *testing.T) {
	b := cleanBooks()
	wallet, brand := "shopper/ann", "brand/b"
	b.orders[0].State, b.orders[0].TakesState, b.orders[0].Dues[0] = core.OrderExpired, core.TakesReturned, core.Due{Kind: core.DueFull, Amount: 90, State: core.DueOpen}
	b.counters["stock/mi2"], b.claims = core.Counter{Limit: 10, Remaining: 10}, b.claims[1:]
	refund := core.Transfer{ID: "refund/pay/c.1/0", Kind: core.TransferRefund, From: brand, To: wallet, Currency: "CNY", Amount: 90, Campaign: "c", Settled: true}
	b.transfers = slices.Insert(b.transfers, 1, refund)
	b.accounts[core.Account{Name: wallet, Currency: "CNY"}], b.accounts[core.Account{Name: brand, Currency: "CNY"}] = 100, 0
	if kinds := auditOf(t, b); len(kinds) != 0 {
		t.Errorf("a refunded payment: %v", kinds)
	}
	b = cleanBooks()
	b.orders, b.claims = nil, nil
	b.counters["stock/mi2"] = core.Counter{Limit: 10, Remaining: 10}
	b.transfers[0].Settled = false
	if kinds := auditOf(t, b); len(kinds) != 0 {
		t.Errorf("a payment under way: %v", kinds)
	}
}
