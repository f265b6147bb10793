package core_test

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
)

// busyBooks are clean books of a campaign in which everything has happened that may happen to an order, a voucher, a
// group, a link and a draw. Every order took one unit and costs 90.
func busyBooks() *books {
	b := &books{accounts: map[core.Account]int64{}}
	b.place("c.paid", core.OrderPaid, core.TakesSpent, full(core.DuePaid, "c.paid"))

	met, open := inGroup("c.complete", core.ConditionMet), inGroup("c.open", core.ConditionOpen)
	b.place("c.met", core.OrderShipped, core.TakesSpent, full(core.DuePaid, "c.met"), met)
	b.place("c.given", core.OrderRefunded, core.TakesReturned, full(core.DueRefunded, "c.given"), met)
	b.write(core.DocumentGroup, "c.complete", "", core.GroupComplete, core.Group{Size: 2, Members: []string{"c.met", "c.given"}})
	b.place("c.waits", core.OrderPaid, core.TakesOutstanding, full(core.DuePaid, "c.waits"), open)
	b.place("c.joins", core.OrderPlaced, core.TakesOutstanding, full(core.DueOpen, ""), open)
	b.place("c.left", core.OrderExpired, core.TakesReturned, full(core.DueOpen, ""), open)
	b.write(core.DocumentGroup, "c.open", "", core.GroupOpen, core.Group{Size: 3, Members: []string{"c.waits", "c.joins"}})

	b.place("c.asked", core.OrderPaid, core.TakesOutstanding, full(core.DuePaid, "c.asked"), inGroup("c.failed", core.ConditionFailed)).
		offer(core.DueOpen, "")
	b.place("c.alone", core.OrderPaid, core.TakesSpent, full(core.DuePaid, "c.alone"), inGroup("c.failed", core.ConditionWaived)).
		offer(core.DuePaid, "pay/c.alone/1")
	b.write(core.DocumentGroup, "c.failed", "", core.GroupFailed, core.Group{Size: 3, Members: []string{"c.asked", "c.alone"}})

	b.place("c.forfeit", core.OrderExpired, core.TakesReturned, deposit(core.DueForfeited, "c.forfeit", core.UnpaidForfeit, ""))
	b.place("c.dealer", core.OrderPaid, core.TakesSpent, deposit(core.DuePaid, "c.dealer", core.UnpaidRefund, "dealer/77"))
	b.place("c.back", core.OrderCancelled, core.TakesReturned, deposit(core.DueRefunded, "c.back", core.UnpaidRefund, ""))
	b.refund("c.given")
	b.write(core.DocumentTask, "refund/c.back/pay/c.back/0", "", core.TaskOpen, core.Task{What: "refund", Subject: "c.back"})
	b.write(core.DocumentTask, "paid/c.paid/paid", "", core.TaskOpen, core.Task{What: "paid", Subject: "c.paid"})

	redeem := core.Claim{Shopper: " c.code", Kind: core.ClaimVoucher, Key: "c.code", Owner: "c.paid"}
	b.order("c.paid").Claims = append(b.order("c.paid").Claims, redeem)
	b.claims = append(b.claims, redeem)
	b.write(core.DocumentVoucher, "c.code", "ann", core.VoucherGranted, core.Voucher{Pool: "fifty", Value: 50})
	b.write(core.DocumentVoucher, "c.free", "bob", core.VoucherExpired, core.Voucher{Pool: "fifty", Value: 50})

	b.claims = append(b.claims,
		core.Claim{Shopper: "dan", Kind: core.ClaimOnce, Key: "early", Owner: "dan"},
		core.Claim{Shopper: "ann", Kind: core.ClaimShare, Owner: "c.link"},
		core.Claim{Shopper: "bob", Kind: core.ClaimVisit, Key: "c.link", Owner: "c.link"},
		core.Claim{Shopper: " social/weibo/1", Kind: core.ClaimSocial, Key: "event", Owner: "c.link"},
		core.Claim{Shopper: " social/weibo/ann/c.link", Kind: core.ClaimSocial, Key: "repost", Owner: "c.link"},
	)
	b.write(core.DocumentSignup, "dan", "dan", core.SignupKept, core.Signup{
		Takes: []core.Take{{Counter: "quota/early", Units: 2}}, Claims: []core.Claim{{Kind: core.ClaimOnce, Key: "early"}},
	})
	b.write(core.DocumentShare, "c.link", "ann", core.ShareActive, core.Share{Reposts: 1, Visitors: 1, Reservations: 1})
	b.write(core.DocumentDraw, "phones", "", core.DrawDrawn, core.Draw{Places: 1, Winners: []string{"ann"}, Rest: core.Unbounded - 5})
	b.write(core.DocumentEntry, "phones/ann", "ann", core.EntryEntered, core.Entry{Weight: 2})
	b.write(core.DocumentEntry, "phones/bob", "bob", core.EntryEntered, core.Entry{Weight: 3})
	b.write(core.DocumentTags, "ann", "ann", core.TagsKept, core.Tags{"vip": ""})

	b.counters = map[string]core.Counter{
		"stock/mi2": {Limit: 20, Remaining: 13}, "pool/fifty": {Limit: 9, Remaining: 7}, "quota/early": {Limit: 5, Remaining: 3},
		"draw/phones": {Limit: core.Unbounded, Remaining: 0}, core.CounterOrders: {Limit: 12, Remaining: 1},
	}
	b.balance()
	return b
}

// placed is an order of the books.
type placed struct {
	*core.Order

	books *books
}

// place adds an order with the money that its dues say was paid.
func (b *books) place(
	id string, state core.OrderState, takes core.TakesState, dues []core.Due, conditions ...core.Condition,
) placed {
	o := &core.Order{
		ID: id, Campaign: "c", Shopper: "ann", Total: 90, State: state, TakesState: takes, Dues: dues, Conditions: conditions,
		Lines: []core.Line{{SKU: "mi2", Units: 1, UnitPrice: 90, Amount: 90}},
		Takes: []core.Take{{Counter: "stock/mi2", Units: 1}},
	}
	if len(conditions) > 0 {
		group := strings.Split(string(conditions[0].Data), `"`)[3]
		o.Claims = []core.Claim{{Shopper: id, Kind: core.ClaimGroup, Key: group, Owner: id}} // a shopper each
	}
	if takes != core.TakesReturned {
		b.claims = append(b.claims, o.Claims...)
	}
	b.orders = append(b.orders, o)
	for _, d := range dues {
		b.charge(o.ID, d)
	}
	return placed{o, b}
}

// charge puts what a due says was paid into the ledger.
func (b *books) charge(order string, d core.Due) {
	if strings.HasPrefix(d.Payment, "pay/") {
		b.transfers = append(b.transfers, core.Transfer{
			ID: d.Payment, Kind: core.TransferPayment, From: "shopper/ann", To: "brand/b", Currency: "CNY", Amount: d.Amount,
			Campaign: "c", Order: order, Settled: true,
		})
	}
}

// offer adds the difference to the full price.
func (p placed) offer(state, payment string) {
	d := core.Due{Kind: core.DueDifference, Amount: 10, State: state, Payment: payment}
	p.Dues = append(p.Dues, d)
	p.books.charge(p.ID, d)
}

// refund gives the order's first payment back.
func (b *books) refund(order string) {
	b.transfers = append(b.transfers, core.Transfer{
		ID: "refund/pay/" + order + "/0", Kind: core.TransferRefund, From: "brand/b", To: "shopper/ann", Currency: "CNY",
		Amount: b.order(order).Dues[0].Amount, Campaign: "c", Order: order, Settled: true,
	})
}

// write adds a document.
func (b *books) write(kind core.DocumentKind, id, shopper, state string, content any) {
	text, _ := json.Marshal(content) // plain data always encodes
	b.documents = append(b.documents, &core.Document{Kind: kind, ID: id, Shopper: shopper, State: state, Revision: 1, Content: text})
}

// balance sorts what a store sorts, and makes the balances those of the transfers.
func (b *books) balance() {
	slices.SortFunc(b.transfers, func(a, b core.Transfer) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(b.documents, func(a, b *core.Document) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.ID, b.ID))
	})
	clear(b.accounts)
	for _, t := range b.transfers {
		b.accounts[core.Account{Name: t.From, Currency: t.Currency}] -= t.Amount
		b.accounts[core.Account{Name: t.To, Currency: t.Currency}] += t.Amount
	}
}

func (b *books) order(id string) *core.Order {
	return b.orders[slices.IndexFunc(b.orders, func(o *core.Order) bool { return o.ID == id })]
}

func (b *books) document(id string) *core.Document {
	return b.documents[slices.IndexFunc(b.documents, func(d *core.Document) bool { return d.ID == id })]
}

// without drops a document, or a transfer.
func (b *books) without(id string) {
	b.documents = slices.DeleteFunc(b.documents, func(d *core.Document) bool { return d.ID == id })
	b.transfers = slices.DeleteFunc(b.transfers, func(t core.Transfer) bool { return t.ID == id })
	b.balance()
}

// alter changes a document's content.
func (b *books) alter(id, before, after string) {
	d := b.document(id)
	d.Content = []byte(strings.Replace(string(d.Content), before, after, 1))
}

// free drops the claim.
func (b *books) free(kind core.ClaimKind, shopper string) {
	b.claims = slices.DeleteFunc(b.claims, func(c core.Claim) bool { return c.Kind == kind && c.Shopper == shopper })
}

func full(state, order string) []core.Due {
	d := core.Due{Kind: core.DueFull, Amount: 90, State: state}
	if order != "" {
		d.Payment = "pay/" + order + "/0"
	}
	return []core.Due{d}
}

// deposit is a deposit of 30, and a balance that is paid if there is a payment.
func deposit(state, order string, unpaid core.Unpaid, balance string) []core.Due {
	dues := []core.Due{
		{Kind: core.DueDeposit, Amount: 30, State: state, Payment: "pay/" + order + "/0", Unpaid: unpaid},
		{Kind: core.DueBalance, Amount: 60, State: core.DueOpen},
	}
	if balance != "" {
		dues[1].State, dues[1].Payment = core.DuePaid, balance
	}
	return dues
}

func inGroup(group, state string) core.Condition {
	return core.Condition{Kind: core.ConditionGroup, Data: []byte(`{"group":"` + group + `"}`), State: state}
}

func TestBooksInWhichEverythingHappenedAreClean(t *testing.T) {
	for _, f := range findingsOf(t, busyBooks()) {
		t.Errorf("%+v", f)
	}
}

func TestAnAuditFindsEveryPlantedErrorOfWhatStandsBesideTheOrders(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plant func(b *books)
		want  string // kind and subject
	}{
		{"a voucher that its pool does not miss", func(b *books) { b.counters["pool/fifty"] = core.Counter{Limit: 9, Remaining: 8} }, "counter pool/fifty"},
		{"a voucher that vanished", func(b *books) { b.without("c.free") }, "counter pool/fifty"},
		{"a voucher that was redeemed and is not", func(b *books) { b.without("c.code") }, "voucher c.code"},
		{"a voucher that two orders redeem", func(b *books) {
			again := core.Claim{Shopper: " c.code2", Kind: core.ClaimVoucher, Key: "c.code", Owner: "c.waits"}
			b.order("c.waits").Claims = append(b.order("c.waits").Claims, again)
			b.claims = append(b.claims, again)
		}, "voucher c.code"},
		{"a voucher that is claimed in a shopper's range", func(b *books) {
			for _, claims := range [][]core.Claim{b.claims, b.order("c.paid").Claims} {
				i := slices.IndexFunc(claims, func(c core.Claim) bool { return c.Kind == core.ClaimVoucher })
				claims[i].Shopper = "ann"
			}
		}, "claim ann c.code"},
		{"a voucher's claim that its order does not hold", func(b *books) { b.order("c.paid").Claims = nil }, "claim  c.code c.code"},
		{"a document that cannot be read", func(b *books) { b.document("c.free").Content = []byte("{") }, "voucher c.free"},

		{"an entry that its draw's counter does not miss", func(b *books) {
			b.counters["draw/phones"] = core.Counter{Limit: core.Unbounded, Remaining: 1}
		}, "counter draw/phones"},
		{"a weight that was not counted", func(b *books) { b.alter("phones/bob", `:3`, `:4`) }, "counter draw/phones"},
		{"a rest that was not counted", func(b *books) { b.alter("phones", `"rest":`, `"rest_":`) }, "counter draw/phones"},
		{"an entry of no weight", func(b *books) { b.alter("phones/bob", `:3`, `:0`) }, "entry phones/bob"},
		{"an entry without a draw", func(b *books) { b.without("phones") }, "entry phones/bob"},
		{"a winner who did not enter", func(b *books) { b.alter("phones", `["ann"]`, `["cid"]`) }, "entry phones/cid"},
		{"more winners than places", func(b *books) { b.alter("phones", `["ann"]`, `["ann","bob"]`) }, "draw phones"},
		{"somebody who won twice", func(b *books) {
			b.alter("phones", `["ann"]`, `["ann","ann"]`)
			b.alter("phones", `"places":1`, `"places":2`)
		}, "draw phones"},

		{"a quota that a sign-up took and that is not missing", func(b *books) {
			b.counters["quota/early"] = core.Counter{Limit: 5, Remaining: 5}
		}, "counter quota/early"},
		{"a claim without its sign-up", func(b *books) { b.without("dan") }, "claim dan early"},
		{"a sign-up without its claim", func(b *books) { b.free(core.ClaimOnce, "dan") }, "claim dan early"},
		{"a sign-up whose claim is another's", func(b *books) {
			b.claims[slices.IndexFunc(b.claims, func(c core.Claim) bool { return c.Key == "early" })].Owner = "eve"
		}, "claim dan early"},

		{"a visit of a link that is not", func(b *books) { b.without("c.link") }, "share c.link"},
		{"a visitor without a claim", func(b *books) { b.free(core.ClaimVisit, "bob") }, "share c.link"},
		{"a repost that counts twice", func(b *books) { b.alter("c.link", `"reposts":1`, `"reposts":2`) }, "share c.link"},
		{"a repost of nobody", func(b *books) { b.free(core.ClaimSocial, " social/weibo/ann/c.link") }, "share c.link"},
		{"a link that is not its owner's", func(b *books) { b.document("c.link").Shopper = "bob" }, "share c.link"},
		{"a link that nobody claims", func(b *books) { b.free(core.ClaimShare, "ann") }, "share c.link"},

		{"a member that does not exist", func(b *books) { b.alter("c.open", `"c.joins"`, `"c.none"`) }, "group c.open"},
		{"a member of another group", func(b *books) { b.alter("c.open", `"c.joins"`, `"c.alone"`) }, "group c.open"},
		{"a member without the condition", func(b *books) { b.order("c.joins").Conditions = nil }, "group c.open"},
		{"a member with two seats", func(b *books) { b.alter("c.open", `"c.joins"`, `"c.joins","c.joins"`) }, "group c.open"},
		{"more members than seats", func(b *books) { b.alter("c.open", `"size":3`, `"size":1`) }, "group c.open"},
		{"a complete group with an empty seat", func(b *books) { b.alter("c.complete", `"size":2`, `"size":3`) }, "group c.complete"},
		{"a complete group with an order that is not paid", func(b *books) {
			o := b.order("c.met")
			o.State, o.TakesState, o.Dues = core.OrderPlaced, core.TakesOutstanding, full(core.DueOpen, "")
		}, "group c.complete"},
		{"a complete group that an order still waits for", func(b *books) {
			o := b.order("c.met")
			o.State, o.TakesState, o.Conditions[0].State = core.OrderPaid, core.TakesOutstanding, core.ConditionOpen
		}, "group c.complete"},
		{"an order that waits without a seat", func(b *books) { b.alter("c.open", `,"c.joins"`, ``) }, "order c.joins"},
		{"an order that waits for no group", func(b *books) { b.without("c.open") }, "order c.waits"},
		{"a seat's claim without its order", func(b *books) { b.order("c.joins").Claims = nil }, "claim c.joins c.open"},

		{"takes that are spent while the group is open", func(b *books) { b.order("c.waits").TakesState = core.TakesSpent }, "order c.waits"},
		{"takes that are spent while the offer is", func(b *books) { b.order("c.asked").TakesState = core.TakesSpent }, "order c.asked"},
		{"takes that are not spent without a group", func(b *books) { b.order("c.paid").TakesState = core.TakesOutstanding }, "order c.paid"},
		{"takes that are not spent when the group is complete", func(b *books) { b.order("c.met").TakesState = core.TakesOutstanding }, "order c.met"},
		{"a failed group without an offer", func(b *books) { b.order("c.asked").Dues = b.order("c.asked").Dues[:1] }, "order c.asked"},
		{"an offer without a failed group", func(b *books) { b.order("c.asked").Conditions[0].State = core.ConditionWaived }, "order c.asked"},
		{"an order that was shipped before its group ended", func(b *books) {
			b.order("c.waits").State, b.order("c.waits").TakesState = core.OrderShipped, core.TakesSpent
		}, "order c.waits"},
		{"a slot that two orders say they hold", func(b *books) {
			for _, order := range []string{"c.paid", "c.waits"} {
				b.order(order).Claims = append(b.order(order).Claims, core.Claim{Shopper: "ann", Kind: core.ClaimLimit, Key: "mi2/1"})
			}
		}, "claim mi2/1"},
		{"a difference within the total", func(b *books) { b.order("c.alone").Dues[0].Amount = 80 }, "order c.alone"},
		{"a difference of an order without a group", func(b *books) {
			b.place("c.new", core.OrderPlaced, core.TakesOutstanding, full(core.DueOpen, "")).offer(core.DueOpen, "")
		}, "order c.new"},

		{"a deposit that is kept although it should go back", func(b *books) { b.order("c.forfeit").Dues[0].Unpaid = core.UnpaidRefund }, "order c.forfeit"},
		{"a balance that is forfeited", func(b *books) { b.order("c.forfeit").Dues[0].Kind = core.DueBalance }, "order c.forfeit"},
		{"a deposit that is forfeited although the balance is paid", func(b *books) {
			d := &b.order("c.dealer").Dues[0]
			d.State, d.Unpaid = core.DueForfeited, core.UnpaidForfeit
		}, "order c.dealer"},
		{"a deposit that is forfeited by a refunded order", func(b *books) { b.order("c.forfeit").State = core.OrderRefunded }, "order c.forfeit"},
		{"a forfeited deposit that was never paid", func(b *books) { b.without("pay/c.forfeit/0") }, "payment pay/c.forfeit/0"},
		{"a forfeited deposit that went back", func(b *books) { b.refund("c.forfeit"); b.balance() }, "payment pay/c.forfeit/0"},
		{"a deposit of an expired order that stayed", func(b *books) { b.order("c.back").Dues[0].State = core.DuePaid }, "order c.back"},

		{"a payment of no order", func(b *books) {
			b.charge("c.none", core.Due{Amount: 5, Payment: "pay/c.none/0"})
			b.balance()
		}, "payment pay/c.none/0"},
		{"a dealer's payment in the ledger", func(b *books) {
			b.transfers = append(b.transfers, core.Transfer{
				ID: "dealer/77", Kind: core.TransferPayment, From: "shopper/ann", To: "brand/b", Currency: "CNY", Amount: 60, Campaign: "c", Settled: true,
			})
			b.balance()
		}, "payment dealer/77"},
		{"a dealer's payment of two orders", func(b *books) {
			b.place("c.again", core.OrderPaid, core.TakesSpent, deposit(core.DuePaid, "c.again", core.UnpaidRefund, "dealer/77"))
			b.balance()
		}, "payment dealer/77"},

		{"a refund that nobody makes", func(b *books) { b.without("refund/c.back/pay/c.back/0") }, "payment pay/c.back/0"},
		{"a refund that was not made", func(b *books) { b.without("refund/pay/c.given/0") }, "payment pay/c.given/0"},
		{"a refund of what was not paid", func(b *books) { b.without("pay/c.back/0") }, "payment pay/c.back/0"},
		{"a task that gives away what is paid", func(b *books) { b.alter("refund/c.back/pay/c.back/0", "c.back", "c.paid") }, "task refund/c.back/pay/c.back/0"},
		{"a task that gives back another due", func(b *books) { b.alter("refund/c.back/pay/c.back/0", `"}`, `","due":1}`) }, "task refund/c.back/pay/c.back/0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := busyBooks()
			tt.plant(b)
			findings := findingsOf(t, b)
			if !slices.ContainsFunc(findings, func(f core.Finding) bool { return f.Kind+" "+f.Subject == tt.want }) {
				t.Errorf("findings = %+v, want %q", findings, tt.want)
			}
		})
	}
}

func TestAnAuditLetsARefundThatIsOnItsWayBe(t *testing.T) {
	for name, change := range map[string]func(b *books){
		"a payment that came too late and is not settled": func(b *books) {
			b.without("refund/c.back/pay/c.back/0")
			b.transfers[slices.IndexFunc(b.transfers, func(t core.Transfer) bool { return t.ID == "pay/c.back/0" })].Settled = false
		},
		"a task whose refund was made": func(b *books) { b.refund("c.back"); b.balance() },
		"a refund that was made while the audit ran": func(b *books) {
			b.refund("c.paid")
			b.transfers[len(b.transfers)-1].At = 1 << 60
			b.balance()
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := busyBooks()
			change(b)
			for _, f := range findingsOf(t, b) {
				t.Errorf("%+v", f)
			}
		})
	}
}
