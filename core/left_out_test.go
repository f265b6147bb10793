package core_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
)

// failing is a mechanic's hook that always fails.
func failing(*core.Facts) ([]core.Effect, error) { return nil, errors.New("out of fuel") }

// TestOneMechanicThatFailsWhenAnOrderIsPaidDoesNotHoldUpTheOthers has a mechanic fail, or ask for what the campaign file does
// not have any more, beside one that grants.
func TestOneMechanicThatFailsWhenAnOrderIsPaidDoesNotHoldUpTheOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		hook func(*core.Facts) ([]core.Effect, error)
	}{
		"it fails":                         {failing},
		"it tells by a template that went": {asking(core.Effect{Kind: core.EffectNotify, Name: "hello"})},
		"it enters a draw that went":       {asking(core.Effect{Kind: core.EffectEnter, Name: "prizes", Units: 1})},
		"it asks for what none may":        {asking(core.Effect{Kind: core.EffectDiscount, Amount: 1})},
	} {
		t.Run(name, func(t *testing.T) {
			m := granting("thanks")
			m["also"] = hooks{core.HookPaid: tt.hook}
			l := newLife(t, sqliteStore(t), m, withPool(10))
			o := l.place("ann")
			l.pays(o)
			l.idle()
			if vouchers, tasks := l.documents(core.DocumentVoucher), l.tasks(); len(vouchers) != 1 || len(tasks) > 0 {
				t.Errorf("%d vouchers, tasks %+v", len(vouchers), tasks)
			}
			l.audit()
		})
	}
}

func TestAnEffectWhoseTargetWentIsLeftOutAndTheOthersOfItsMechanicAreNot(t *testing.T) {
	m := shows{"both": {core.HookPaid: asking(
		core.Effect{Kind: core.EffectNotify, Name: "hello"}, core.Effect{Kind: core.EffectTag, Name: "buyer"},
		core.Effect{Kind: core.EffectGrant, Name: "thanks", Units: 1},
	)}}
	l := newLife(t, sqliteStore(t), m, func(c *core.Campaign) {
		withPool(10)(c)
		c.Templates = map[string]core.Text{"hello": {EN: "hi"}}
	})
	o := l.place("ann")
	_, err := l.apply(l.with(func(c *core.Campaign) { c.Templates = nil }))
	must(t, err)
	l.pays(o)
	l.idle()
	if v, tags, tasks := l.documents(core.DocumentVoucher), l.documents(core.DocumentTags), l.tasks(); len(v) != 1 || len(tags) != 1 || len(tasks) > 0 {
		t.Errorf("%d vouchers, %d shoppers with tags, tasks %+v", len(v), len(tags), tasks)
	}
}

func TestAPaidOrderWaitsForAPoolThatWentUntilItIsBack(t *testing.T) {
	l := newLife(t, sqliteStore(t), granting("thanks"), withPool(10))
	o := l.place("ann")
	_, err := l.apply(l.with(func(c *core.Campaign) { c.VoucherPools = nil }))
	must(t, err)
	l.pays(o)
	l.idle()
	if tasks := l.tasks(); len(tasks) != 1 || !strings.Contains(tasks[0].Failure, `no voucher pool "thanks"`) {
		t.Errorf("tasks = %+v", tasks)
	}
	_, err = l.apply(l.def)
	must(t, err)
	l.clock.advance(10 * time.Minute)
	l.idle()
	if vouchers, tasks := l.documents(core.DocumentVoucher), l.tasks(); len(vouchers) != 1 || len(tasks) > 0 {
		t.Errorf("%d vouchers, tasks %+v", len(vouchers), tasks)
	}
}

func TestACountIsNotLostToAMechanic(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, shows{
			"bad":  {core.HookShare: failing},
			"good": {core.HookShare: asking(core.Effect{Kind: core.EffectTag, Name: "sharer"})},
		}, nil)
		code := l.link("ann")
		counted, err := l.Visit(t.Context(), code, aShopper("bob"))
		if !counted || err != nil {
			t.Errorf("visit: counted %v, %v", counted, err)
		}
		answers, err := l.Social(t.Context(), "weibo", []core.SocialEvent{repost("e1", "u1", code)})
		must(t, err)
		if answers[0].Result != "counted" {
			t.Errorf("repost: %+v", answers)
		}
		if tags := l.documents(core.DocumentTags); len(tags) != 1 {
			t.Errorf("the mechanic that does not fail has noted %d shoppers", len(tags))
		}
		l.audit()
	})
}

func TestCountsGoOnWhenAClosedDrawIsGoneFromTheFile(t *testing.T) {
	d := newPrizes(t, sqliteStore(t), 3, withPrizes)
	d.clock.advance(31 * time.Minute)
	d.work(d.Engine)
	_, err := d.apply(d.with(func(c *core.Campaign) { c.Ruleset = d.def.Ruleset; c.Draws, c.VoucherPools = nil, nil }))
	must(t, err)
	answers := d.send([]core.SocialEvent{repost("new", "new", d.link("s1"))})
	if answers[0].Result != "counted" {
		t.Errorf("%+v", answers)
	}
	if counted, err := d.Visit(t.Context(), d.link("s1"), aShopper("zoe")); !counted || err != nil {
		t.Errorf("visit: counted %v, %v", counted, err)
	}
}

// TestAMessageIsAnsweredByTheMechanicThatDoesNotFail: the other one is left out.
func TestAMessageIsAnsweredByTheMechanicThatDoesNotFail(t *testing.T) {
	l := newLife(t, sqliteStore(t), shows{
		"bad":  {core.HookMessage: failing},
		"good": {core.HookMessage: asking(core.Effect{Kind: core.EffectReply, Text: core.Text{EN: "soon"}})},
	}, nil)
	_, replies, err := l.Write(t.Context(), "phone", aShopper("ann"), "when?")
	must(t, err)
	if len(replies) != 1 || replies[0].Text.EN != "soon" {
		t.Errorf("replies = %+v", replies)
	}
}

func TestWhatIsLeftOutIsLoggedOnceHoweverManyOrdersItConcerns(t *testing.T) {
	m := granting("thanks")
	m["bad"] = hooks{core.HookPaid: failing}
	l := newLife(t, sqliteStore(t), m, withPool(10))
	var log strings.Builder
	l.Stop()
	l.Engine = core.NewEngine(core.Options{
		Store: l.store, Campaigns: l.store, Ledger: l.store, Compiler: m, Now: l.clock.now, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	must(t, l.Start(t.Context()))
	for i := range 3 {
		l.pays(l.place(fmt.Sprint("s", i)))
	}
	l.idle()
	l.Stop()
	if n := strings.Count(log.String(), "out of fuel"); n != 1 || !strings.Contains(log.String(), "paid/bad") {
		t.Errorf("logged %d times:\n%s", n, log.String())
	}
}

// planCounter is a store that counts the plans that are tried, and those that are refused.
type planCounter struct {
	core.Store

	tried, refused atomic.Int64
}

func (c *planCounter) Apply(ctx context.Context, p *core.Plan) (*core.Applied, error) {
	c.tried.Add(1)
	applied, err := c.Store.Apply(ctx, p)
	if err != nil {
		c.refused.Add(1)
	}
	return applied, err //nolint:wrapcheck // the store's own
}

func TestTasksOfAnExhaustedPoolCostNoBatchOfOthers(t *testing.T) {
	l := newLife(t, sqliteStore(t), granting("thanks"), func(c *core.Campaign) { withPool(1)(c); c.Items[0].Stock = 1000 })
	for i := range 20 {
		l.pays(l.place(fmt.Sprint("s", i)))
	}
	l.idle()
	store := &planCounter{Store: l.store}
	node := l.another(store, nil)
	l.clock.advance(time.Hour)
	_, err := node.Work(t.Context(), "phone")
	must(t, err)
	tasks := l.tasks()
	if len(tasks) != 19 || store.refused.Load() > 0 || store.tried.Load() > 10 {
		t.Errorf("%d tasks, %d plans, %d of them refused", len(tasks), store.tried.Load(), store.refused.Load())
	}
}

// TestADocumentThatCannotBeReadHoldsUpNothing plants more of them than one look finds.
func TestADocumentThatCannotBeReadHoldsUpNothing(t *testing.T) {
	l := newLife(t, sqliteStore(t), granting("thanks"), withPool(10))
	var planted []*core.Document
	for i := range 600 {
		kind := []core.DocumentKind{core.DocumentGroup, core.DocumentDraw, core.DocumentTask}[i%3]
		planted = append(planted, &core.Document{Kind: kind, ID: fmt.Sprintf("bad%03d", i), State: "open", Due: 1, Content: []byte(`"?"`)})
	}
	_, err := l.store.Apply(t.Context(), &core.Plan{Campaign: "phone", Brand: "xiaomi", Documents: planted})
	must(t, err)
	dead := &mortal{Store: l.store}
	node := l.another(dead, nil)
	o := l.place("ann")
	l.topUp("ann", 1_000_000)
	dead.dies(deletes) // which leaves the task of the paid order
	_, err = node.Pay(t.Context(), payOf(o, "p"))
	must(t, err)
	node.Stop()
	l.clock.advance(time.Minute)
	_, err = l.Work(t.Context(), "phone")
	must(t, err)
	if n := len(l.documents(core.DocumentVoucher)); n != 1 {
		t.Errorf("%d vouchers", n)
	}
	n, err := l.Work(t.Context(), "phone") // they rest
	must(t, err)
	if n != 0 {
		t.Errorf("%d documents are due at once again", n)
	}
}

// TestPaymentsThatCannotBeSettledDoNotHoldUpTheOthers has older payments of a campaign that nobody serves.
func TestPaymentsThatCannotBeSettledDoNotHoldUpTheOthers(t *testing.T) {
	l := newLife(t, sqliteStore(t), nil, nil)
	wallet := core.NewWallet(l.store, l.clock.now, slog.New(slog.DiscardHandler))
	l.topUp("ann", 1_000_000)
	for i := range 520 {
		id := fmt.Sprintf("other.%026d", i)
		_, err := wallet.Charge(t.Context(), core.Payment{
			ID: "pay/" + id + "/0", Campaign: "other", Order: id, Shopper: "ann", Brand: "b", Currency: "CNY", Amount: 1,
		})
		must(t, err)
	}
	o := l.place("ann")
	l.clock.advance(time.Second)
	_, err := wallet.Charge(t.Context(), core.Payment{
		ID: "pay/" + o.ID + "/0", Campaign: "phone", Order: o.ID, Shopper: "ann", Brand: o.Brand, Currency: "CNY", Amount: o.Total,
	})
	must(t, err)
	l.clock.advance(time.Minute)
	n, err := l.SettlePayments(t.Context())
	if err == nil || n != 521 {
		t.Errorf("looked at %d payments, %v", n, err)
	}
	l.wantState(o, core.OrderPaid, core.TakesSpent)
}
