//go:build !race

// It is one goroutine on SQLite, which takes the race detector a minute and can show it nothing.

package core_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// TestMoneyIsConservedWhateverHappensToOrders lets shoppers, staff, jobs and crashes do whatever they like to orders of
// every kind. At every look the books are clean, and in the end everybody has the money back that did not pay for
// something they have, or for a deposit that they forfeited.
func TestMoneyIsConservedWhateverHappensToOrders(t *testing.T) {
	s := sqliteStore(t)
	tick := &clock{at: opening}
	e := core.NewEngine(core.Options{
		Store: s, Campaigns: s, Ledger: s, Compiler: shows{"kinds": {core.HookQuote: byTier}}, Now: tick.now,
		Log: slog.New(slog.DiscardHandler),
	})
	must(t, e.Start(t.Context()))
	t.Cleanup(e.Stop)
	campaigns := 0
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		campaigns++
		m := &lives{outer: outer, Engine: e, clock: tick, store: s, campaign: fmt.Sprintf("m%d", campaigns)}
		m.open(t)
		t.Repeat(map[string]func(*rapid.T){
			"place": m.place, "join": m.join, "pay": m.pay, "charge and crash": m.crash, "cancel": m.cancel, "wait": m.wait,
			"expire": m.expire, "work": m.work, "settle": m.settle, "refund": m.refund, "ship": m.ship, "deliver": m.deliver,
			"confirm": m.confirm, "": m.check,
		})
		m.end(t)
	})
}

// byTier asks for what the shopper's tier is named after.
func byTier(f *core.Facts) ([]core.Effect, error) {
	switch f.Shopper.Tier {
	case "deposit":
		return []core.Effect{{Kind: core.EffectDeposit, Amount: 300, Credit: 350}}, nil
	case "group":
		return []core.Effect{{Kind: core.EffectGroup, Units: 2, Seconds: 1200, Amount: 800}}, nil
	default:
		return nil, nil
	}
}

// lives is one campaign's orders on their way.
type lives struct {
	*core.Engine

	outer    *testing.T
	clock    *clock
	store    store
	campaign string
	dealer   bool
	orders   []*core.Order // as they were placed
	groups   []string
	keys     int
}

const modelMoney = 100_000

func (m *lives) shoppers() []string {
	names := make([]string, 4)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%c", m.campaign, 'a'+i)
	}
	return names
}

// open applies the campaign and gives everybody money.
func (m *lives) open(t *rapid.T) {
	now := m.clock.now()
	m.dealer = rapid.Bool().Draw(t, "dealer")
	def := &core.Campaign{
		ID: m.campaign, Brand: "xiaomi", Currency: "CNY", Title: core.Text{EN: "Model"},
		Phases: core.Phases{Sale: now, Closed: now.Add(3 * time.Hour)},
		Items: []core.Item{{
			SKU: "mi2", Title: core.Text{EN: "Mi 2"}, Price: 1000, Stock: 5, Hold: core.Duration(15 * time.Minute),
			Phases: core.Phases{Sale: now, Closed: now.Add(90 * time.Minute)},
		}},
		Deposits: core.DepositTerms{
			BalanceUntil: now.Add(90 * time.Minute),
			Unpaid:       rapid.SampledFrom([]core.Unpaid{core.UnpaidRefund, core.UnpaidForfeit}).Draw(t, "unpaid"),
		},
		Groups:  core.GroupTerms{Offer: core.Duration(20 * time.Minute)},
		Ruleset: []core.Binding{{Mechanic: "kinds"}},
	}
	if m.dealer {
		def.Deposits.BalanceAt = core.BalanceDealer
	}
	_, err := m.ApplyCampaign(context.Background(), core.ApplyRequest{
		Definition: def, Actor: core.Principal{ID: "op", Role: core.RoleOperator}, Reason: "model",
	})
	allow(t, err)
	for _, shopper := range m.shoppers() {
		_, err := m.TopUp(context.Background(), core.TopUp{Shopper: shopper, Currency: "CNY", Amount: modelMoney, Key: "t"})
		allow(t, err)
	}
}

func (m *lives) key() string {
	m.keys++
	return fmt.Sprintf("k%d", m.keys)
}

func (m *lives) request(t *rapid.T, tier string) core.OrderRequest {
	req := buy(rapid.SampledFrom(m.shoppers()).Draw(t, "shopper"), m.key())
	req.Campaign, req.Shopper.Tier = m.campaign, tier
	return req
}

func (m *lives) placed(t *rapid.T, req core.OrderRequest) {
	o, _, err := m.Place(context.Background(), req)
	allow(t, err, core.CodeSoldOut, core.CodeNotInPhase, core.CodeGroupClosed, core.CodeGroupFull, core.CodeAlreadyUsed)
	if err != nil {
		return
	}
	m.orders = append(m.orders, o)
	if req.Shopper.Tier == "group" && req.Group == "" {
		m.groups = append(m.groups, groupID(m.outer, o))
	}
}

func (m *lives) place(t *rapid.T) {
	m.placed(t, m.request(t, rapid.SampledFrom([]string{"", "deposit", "group"}).Draw(t, "kind")))
}

func (m *lives) join(t *rapid.T) {
	if len(m.groups) == 0 {
		t.Skip("no group is open")
	}
	req := m.request(t, "group")
	req.Group = rapid.SampledFrom(m.groups).Draw(t, "group")
	m.placed(t, req)
}

// any returns one of the orders as it stands.
func (m *lives) any(t *rapid.T) *core.Order {
	if len(m.orders) == 0 {
		t.Skip("nothing was ordered")
	}
	o := rapid.SampledFrom(m.orders).Draw(t, "order")
	now, err := m.Order(context.Background(), o.ID, o.Shopper)
	allow(t, err)
	return now
}

func (m *lives) pay(t *rapid.T) {
	_, err := m.Pay(context.Background(), payOf(m.any(t), m.key()))
	allow(t, err, core.CodeWrongState, core.CodeRefunded, core.CodeGroupClosed)
}

// crash charges the next due as a node does that dies before the order takes note of it.
func (m *lives) crash(t *rapid.T) {
	o := m.any(t)
	open := slices.IndexFunc(o.Dues, func(d core.Due) bool { return d.State == core.DueOpen })
	if open < 0 || (o.State != core.OrderPlaced && o.State != core.OrderPaid) || m.dealer && o.Dues[open].Kind == core.DueBalance {
		t.Skip("nothing is due")
	}
	_, err := core.NewWallet(m.store, m.clock.now, nil).Charge(context.Background(), core.Payment{
		ID: fmt.Sprintf("pay/%s/%d", o.ID, open), Campaign: o.Campaign, Order: o.ID, Shopper: o.Shopper, Brand: o.Brand,
		Currency: o.Currency, Amount: o.Dues[open].Amount, Request: m.key(),
	})
	allow(t, err)
}

func (m *lives) cancel(t *rapid.T) {
	_, err := m.Cancel(context.Background(), payOf(m.any(t), m.key()))
	allow(t, err, core.CodeWrongState)
}

func (m *lives) wait(t *rapid.T) {
	m.clock.advance(time.Duration(rapid.IntRange(1, 1500).Draw(t, "seconds")) * time.Second)
}

func (m *lives) expire(t *rapid.T) {
	_, err := m.Expire(context.Background(), m.campaign)
	allow(t, err)
}

func (m *lives) work(t *rapid.T) {
	_, err := m.Work(context.Background(), m.campaign)
	allow(t, err)
}

func (m *lives) settle(t *rapid.T) {
	_, err := m.SettlePayments(context.Background())
	allow(t, err)
}

func (m *lives) action(t *rapid.T) core.StaffAction { return clerk(m.any(t)) }

func (m *lives) refund(t *rapid.T) {
	_, err := m.RefundOrder(context.Background(), m.action(t))
	allow(t, err, core.CodeWrongState)
}

func (m *lives) ship(t *rapid.T) {
	a := m.action(t)
	a.Carrier, a.Tracking = "SF", "1"
	_, err := m.Ship(context.Background(), a)
	allow(t, err, core.CodeWrongState)
}

func (m *lives) deliver(t *rapid.T) {
	_, err := m.Deliver(context.Background(), m.action(t))
	allow(t, err, core.CodeWrongState)
}

func (m *lives) confirm(t *rapid.T) {
	a := m.action(t)
	a.Kind, a.Reference = core.DueBalance, m.campaign+" "+rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "reference")
	_, err := m.ConfirmDue(context.Background(), a)
	allow(t, err, core.CodeWrongState, core.CodeNotFound, core.CodeAlreadyUsed)
}

// check looks at the books when the node has done what it took on.
func (m *lives) check(t *rapid.T) {
	m.Idle()
	_, err := core.Audit(context.Background(), m.store, []core.CampaignKey{{Brand: "xiaomi", ID: m.campaign}}, func(f core.Finding) {
		t.Errorf("audit: %+v", f)
	})
	allow(t, err)
}

// end lets all time pass that anything waits for. Then nothing is left to do, and everybody has what is theirs.
func (m *lives) end(t *rapid.T) {
	for range 8 {
		m.clock.advance(time.Hour)
		m.settle(t)
		m.expire(t)
		m.work(t)
		m.Idle()
	}
	m.check(t)
	tasks, err := m.store.ListDocuments(context.Background(), core.DocumentQuery{Campaign: m.campaign, Brand: "xiaomi", Kind: core.DocumentTask, Limit: 10})
	allow(t, err)
	if len(tasks) > 0 {
		t.Errorf("left to do: %s %s", tasks[0].ID, tasks[0].Content)
	}
	kept := map[string]int64{}
	for _, placed := range m.orders {
		o, err := m.Order(context.Background(), placed.ID, placed.Shopper)
		allow(t, err)
		if o.State == core.OrderPlaced || o.State == core.OrderPaid && o.TakesState != core.TakesSpent {
			t.Errorf("%s is left hanging: %s, takes %s, %+v", o.ID, o.State, o.TakesState, o.Dues)
		}
		kept[o.Shopper] += keptOf(o)
	}
	for _, shopper := range m.shoppers() {
		balances, err := m.Wallet(context.Background(), shopper)
		allow(t, err)
		if balances["CNY"] != modelMoney-kept[shopper] {
			t.Errorf("%s has %d, %d were kept of %d", shopper, balances["CNY"], kept[shopper], modelMoney)
		}
	}
}

// keptOf is what the wallet paid for the order and did not get back.
func keptOf(o *core.Order) int64 {
	var sum int64
	for _, d := range o.Dues {
		if strings.HasPrefix(d.Payment, "pay/") && (d.State == core.DuePaid || d.State == core.DueForfeited) {
			sum += d.Amount
		}
	}
	return sum
}
