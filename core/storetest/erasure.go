package storetest

import (
	"fmt"
	"testing"

	"hotdrop/core"
)

// erasure is one that erases ann, who has an order, a reservation, an arrival and a document.
func (s *sale) erasure(t *testing.T, order *core.Order, tags *core.Document) *core.Erasure {
	t.Helper()
	next := *order
	next.Shopper, next.Quote, next.Conditions = "tomb", []byte(`{"erased_at":1}`), []core.Condition{{Kind: "trade_in", State: "open"}}
	next.Lines = []core.Line{{SKU: sku, Units: 1, UnitPrice: price + 100, Discount: 100, Amount: price}}
	next.Claims = []core.Claim{{Shopper: "tomb", Kind: core.ClaimLimit, Key: sku + "/1", Owner: order.ID}}
	return &core.Erasure{
		Campaign: s.campaign, Brand: brand, Shopper: "ann", Tombstone: "tomb", Arrival: " erased/1",
		Orders: []*core.Order{&next}, Claims: []core.ErasedClaim{{From: order.Claims[0], To: next.Claims[0]}},
		Documents: []*core.Document{gone(tags, 1)}, Entry: s.did("shopper.erase"),
	}
}

// known makes what erasure erases.
func (s *sale) known() (*core.Order, *core.Document) {
	order, tags := s.order("ann"), document(core.DocumentTags, "ann", "ann")
	s.apply(s.plan(order))
	s.apply(s.reserve("ann", "bob"))
	s.apply(s.join(1, "ann"))
	s.apply(s.documents(tags))
	return order, tags
}

func testErasures(t *testing.T, store Store) {
	counters := map[string]int64{stock: 10, core.CounterQueue: core.Unbounded}
	t.Run("an erasure changes what it names, logs it, and leaves everything else", func(t *testing.T) {
		s := openSale(t, store, counters)
		order, tags := s.known()
		bobs := s.order("bob")
		s.apply(s.plan(bobs))
		before := s.book().Counters
		must(t, store.Erase(t.Context(), s.erasure(t, order, tags)))
		b := s.book()
		same(t, "counters", b.Counters, before)
		stayed := b.Orders[0]
		same(t, "order", []any{stayed.Shopper, stayed.Total, string(stayed.Quote), stayed.Revision}, []any{"tomb", price, `{"erased_at":1}`, int64(2)})
		same(t, "data", len(stayed.Conditions[0].Data)+len(stayed.Lines[0].Labels), 0)
		same(t, "bob's order", b.Orders[1], bobs)
		same(t, "documents", len(b.Documents), 0)
		names := map[int64]string{}
		for _, r := range b.Reservations {
			names[r.Position] = r.Shopper
		}
		same(t, "reservations", names, map[int64]string{1: "tomb", 2: "bob"})
		same(t, "arrival", s.arrivals(0, 9)[0].Shopper, " erased/1")
		same(t, "of ann", len(s.state(core.Query{Shoppers: []string{"ann"}}).Shoppers), 0)
		rows, err := store.StaffLogRows(t.Context(), core.LogFilter{Campaign: s.campaign, Action: "shopper.erase", Limit: 9})
		must(t, err)
		same(t, "rows of the log", len(rows), 1)
	})
	for what, change := range map[string]func(*sale, *core.Erasure){
		"an order of another revision":   func(_ *sale, e *core.Erasure) { e.Orders[0].Revision++ },
		"a claim that is gone":           func(_ *sale, e *core.Erasure) { e.Claims[0].From.Key = "other" },
		"a document of another revision": func(_ *sale, e *core.Erasure) { e.Documents[0].Revision++ },
		"a document that would be left":  func(_ *sale, e *core.Erasure) { e.Documents = nil },
		"a claim that would be left":     func(_ *sale, e *core.Erasure) { e.Claims = nil },
		"a campaign of another brand":    func(_ *sale, e *core.Erasure) { e.Brand = stranger },
		"an order that came in the meantime": func(s *sale, _ *core.Erasure) {
			later := s.order("ann")
			later.Claims[0].Key = sku + "/2"
			s.apply(s.plan(later))
		},
	} {
		t.Run(what+" is a conflict, and nothing is erased", func(t *testing.T) {
			s := openSale(t, store, counters)
			order, tags := s.known()
			e := s.erasure(t, order, tags)
			change(s, e)
			before := s.book()
			wantConflict(t, store.Erase(t.Context(), e))
			same(t, "the book", s.book(), before)
		})
	}
	t.Run("what names a shopper is found in pages, of the campaign and the brand", func(t *testing.T) { s := openSale(t, store, counters); s.namesFound() })
	t.Run("money is paid out with its row of the log, or not at all", func(t *testing.T) { testPayouts(t, store) })
	t.Run("an account without money gets another name in its transfers, one with money is a conflict", func(t *testing.T) {
		l := openLedger(t, store)
		l.post(l.topUp("a", 500), l.payment("b", 200, opening))
		e := &core.AccountErasure{
			Account: l.wallet.Name, Tombstone: unique("shopper/tomb"), Entry: &core.StaffEntry{Actor: "staff-1", Action: "shopper.erase"},
		}
		wantConflict(t, store.EraseAccount(t.Context(), e))
		left, err := store.AccountTransfers(t.Context(), l.wallet.Name, "", 1)
		must(t, err)
		same(t, "a page", []any{len(left), left[0].Request}, []any{1, ""})
		l.post(l.payment("c", 300, opening))
		must(t, store.EraseAccount(t.Context(), e))
		moved, err := store.AccountTransfers(t.Context(), e.Tombstone, "", 9)
		must(t, err)
		same(t, "moved", []any{len(moved), moved[1].Amount, moved[1].Request, moved[1].From}, []any{3, int64(200), "", e.Tombstone})
		left, err = store.AccountTransfers(t.Context(), l.wallet.Name, "", 9)
		must(t, err)
		same(t, "left", len(left), 0)
	})
}

// testPayouts checks that money leaves the wallet with its row of the staff log, or not at all.
func testPayouts(t *testing.T, store Store) {
	l := openLedger(t, store)
	l.post(l.topUp("a", 500))
	brand := unique("payer")
	out := func(name string, amount int64) (*core.Transfer, *core.StaffEntry) {
		return &core.Transfer{
			ID: l.id(name), Kind: core.TransferPayout, From: l.wallet.Name, To: core.AccountPaidOut, Currency: currency, Amount: amount,
			At: opening, Settled: true, Request: "bank 7",
		}, &core.StaffEntry{At: opening, Actor: "staff-1", Role: "admin", Brand: brand, Action: "shopper.payout", Reason: name}
	}
	before, err := store.Wallet(t.Context(), core.AccountPaidOut)
	must(t, err)
	first, entry := out("first", 300)
	must(t, store.PayOut(t.Context(), first, entry))
	wantConflict(t, store.PayOut(t.Context(), first, entry)) // the id exists
	second, entry := out("second", 201)
	wantConflict(t, store.PayOut(t.Context(), second, entry)) // it is not covered
	after, err := store.Wallet(t.Context(), core.AccountPaidOut)
	must(t, err)
	left, err := store.Wallet(t.Context(), l.wallet.Name)
	must(t, err)
	same(t, "paid out, and left", []int64{after[currency] - before[currency], left[currency]}, []int64{300, 200})
	stored, err := store.Transfers(t.Context(), []string{first.ID, second.ID})
	must(t, err)
	same(t, "transfers", stored, map[string]core.Transfer{first.ID: *first})
	rows, err := store.StaffLogRows(t.Context(), core.LogFilter{Brand: brand, Limit: 9})
	must(t, err)
	same(t, "rows of the log", []any{len(rows), rows[0].Reason}, []any{1, "first"})
}

// namesFound checks the searches for a text.
func (s *sale) namesFound() {
	s.t.Helper()
	for i := range 3 {
		order := s.order(fmt.Sprint("s", i))
		order.Quote = []byte(fmt.Sprintf(`{"leader":"ann%d","odd":"100%%_"}`, i/2))
		s.apply(s.plan(order))
	}
	must(s.t, s.AddRefusals(s.t.Context(), []*core.RefusalRecord{s.refusal(1, opening), s.refusal(2, opening)}))
	must(s.t, s.SaveReports(s.t.Context(), []core.Report{{Campaign: s.campaign, Brand: brand, Subject: "x", Node: "a", Content: []byte(`{"末日":1}`)}}))
	count := func(of core.CampaignKey, text string, limit int) []int {
		orders, err := s.OrdersNaming(s.t.Context(), of, text, "", limit)
		must(s.t, err)
		refusals, err := s.RefusalsNaming(s.t.Context(), of, text, "", limit)
		must(s.t, err)
		reports, err := s.ReportsNaming(s.t.Context(), of, text)
		must(s.t, err)
		return []int{len(orders), len(refusals), len(reports)}
	}
	same(s.t, "a text", count(s.key(), `"leader":"ann0"`, 9), []int{2, 0, 0})
	same(s.t, "no pattern", count(s.key(), `1_0%`, 9), []int{0, 0, 0})
	same(s.t, "odd signs", count(s.key(), `100%_`, 2), []int{2, 0, 0})
	same(s.t, "another text", count(s.key(), "末日", 1), []int{0, 1, 1})
	same(s.t, "another brand", count(core.CampaignKey{Brand: stranger, ID: s.campaign}, `"`, 9), []int{0, 0, 0})
}
