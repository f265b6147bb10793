package core_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hotdrop/core"
)

// granting is a mechanic that grants one voucher of the pool for every paid order.
func granting(pool string) shows {
	return shows{"grant": {core.HookPaid: asking(core.Effect{Kind: core.EffectGrant, Name: pool, Units: 1})}}
}

func withPool(count int64) func(*core.Campaign) {
	return func(c *core.Campaign) {
		c.VoucherPools = map[string]core.VoucherPool{"thanks": {Count: count, Value: 100}}
	}
}

func TestAPaidOrderIsAskedAboutOnceAndItsTaskGoes(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, granting("thanks"), withPool(10))
		o := l.place("ann")
		l.topUp("ann", 1_000_000)
		l.pay(o, "p")
		l.pay(o, "p")
		l.idle()
		if vouchers := l.documents(core.DocumentVoucher); len(vouchers) != 1 || vouchers[0].Shopper != "ann" {
			t.Errorf("vouchers = %v", vouchers)
		}
		if tasks := l.tasks(); len(tasks) != 0 {
			t.Errorf("tasks = %+v", tasks)
		}
		l.audit()
	})
}

func TestTheHookPaidSeesThePinnedFactsAndTheOrder(t *testing.T) {
	var mu sync.Mutex
	var seen core.Facts
	l := newLife(t, sqliteStore(t), shows{"look": {core.HookPaid: func(f *core.Facts) ([]core.Effect, error) {
		mu.Lock()
		defer mu.Unlock()
		seen = *f
		return nil, nil
	}}}, func(c *core.Campaign) {
		c.Inputs = map[string]core.Input{"colour": {Field: core.Field{Type: "string", Max: 10}}}
	})
	req := buy("ann", "k")
	req.Shopper.Tier, req.Input = "gold", core.Object{"colour": "red"}
	o, _, err := l.Place(t.Context(), req)
	must(t, err)
	l.topUp("ann", 1_000_000)
	l.clock.advance(time.Minute)
	paidAt := l.clock.now().UnixMilli()
	l.pay(o, "p")
	l.idle()
	mu.Lock()
	defer mu.Unlock()
	if seen.Now != paidAt || seen.Order.ID != o.ID || seen.Order.PaidAt != paidAt || seen.Order.Total != o.Total {
		t.Errorf("now %d, order %+v; paid at %d", seen.Now, seen.Order, paidAt)
	}
	if seen.Shopper.Tier != "gold" || seen.Item.SKU != "mi2" || seen.Quantity != 1 || seen.Input["colour"] != "red" {
		t.Errorf("facts = %+v", seen)
	}
}

func TestAnOrderIsAskedAboutUnderTheRulesetThatPricedIt(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		m := granting("thanks")
		m["other"] = hooks{core.HookQuote: asking()}
		l := newLife(t, s, m, withPool(10))
		o := l.place("ann")
		l.def = l.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "other"}} })
		_, err := l.apply(l.def)
		must(t, err)
		late := l.place("bob")
		for _, paid := range []*core.Order{o, late} {
			l.topUp(paid.Shopper, 1_000_000)
			l.pay(paid, "p")
		}
		l.idle()
		if vouchers := l.documents(core.DocumentVoucher); len(vouchers) != 1 || vouchers[0].Shopper != "ann" {
			t.Errorf("vouchers = %v", vouchers)
		}
		l.audit()
	})
}

func TestNoTaskIsWrittenWhereNoMechanicWantsIt(t *testing.T) {
	s := sqliteStore(t)
	l := newLife(t, s, shows{"quiet": {core.HookQuote: asking()}}, nil)
	counting := &mortal{Store: s}
	documents := 0
	counting.dies(func(plan *core.Plan) bool {
		documents += len(plan.Documents)
		return false
	})
	node := l.another(counting, nil)
	o := l.place("ann")
	l.topUp("ann", 1_000_000)
	_, err := node.Pay(t.Context(), payOf(o, "p"))
	must(t, err)
	if documents != 0 {
		t.Errorf("%d documents were written for a payment that nobody asks about", documents)
	}
}

// TestATaskIsDoneOnceHoweverManyNodesSweep has its node die before any task is done, so that all of them are left to the
// sweeps of three others at once.
func TestATaskIsDoneOnceHoweverManyNodesSweep(t *testing.T) {
	const orders = 10
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, granting("thanks"), withPool(orders))
		dying := &mortal{Store: s}
		dying.dies(deletes)
		node := l.another(dying, nil)
		for i := range orders {
			o := l.place(fmt.Sprintf("s%d", i))
			l.topUp(o.Shopper, 1_000_000)
			_, err := node.Pay(t.Context(), payOf(o, "p"))
			if err != nil && !errors.Is(err, errNodeDied) {
				t.Fatal(err)
			}
		}
		node.Stop()
		l.clock.advance(time.Minute)
		_, err := l.SettlePayments(t.Context()) // of those that the node died with
		must(t, err)
		nodes := []*core.Engine{l.Engine, l.another(s, nil), l.another(s, nil)}
		var sweeps sync.WaitGroup
		for _, sweeper := range nodes {
			sweeps.Go(func() {
				if _, err := sweeper.Work(context.Background(), "phone"); err != nil {
					t.Error(err)
				}
			})
		}
		sweeps.Wait()
		l.idle()
		if vouchers, tasks := l.documents(core.DocumentVoucher), l.tasks(); len(vouchers) != orders || len(tasks) != 0 {
			t.Errorf("%d vouchers for %d orders, tasks left: %+v", len(vouchers), orders, tasks)
		}
		l.audit()
	})
}

func TestATaskThatFailsIsTriedAgainWithGrowingPausesUntilItIsDone(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, granting("thanks"), withPool(1))
		for _, shopper := range []string{"ann", "bob"} { // the pool has one voucher for both
			o := l.place(shopper)
			l.topUp(shopper, 1_000_000)
			l.pay(o, "p")
			l.idle()
		}
		tries := 0
		for range 6 {
			tasks := l.tasks()
			if len(tasks) != 1 || !strings.HasPrefix(tasks[0].Failure, string(core.CodePoolExhausted)) || tasks[0].Tries <= tries {
				t.Fatalf("after %d tries: %+v", tries, tasks)
			}
			tries = tasks[0].Tries
			d := l.documents(core.DocumentTask)[0]
			pause := time.UnixMilli(d.Due).Sub(l.clock.now())
			l.clock.advance(pause - time.Millisecond)
			_, err := l.Work(t.Context(), "phone")
			must(t, err)
			if again := l.tasks(); again[0].Tries != tries {
				t.Errorf("it was tried again before its pause of %s was over", pause)
			}
			l.clock.advance(time.Millisecond)
			_, err = l.Work(t.Context(), "phone")
			must(t, err)
		}
		l.def = l.with(withPool(2))
		_, err := l.apply(l.def)
		must(t, err)
		l.clock.advance(5 * time.Minute)
		l.idle()
		if vouchers, tasks := l.documents(core.DocumentVoucher), l.tasks(); len(vouchers) != 2 || len(tasks) != 0 {
			t.Errorf("%d vouchers, tasks %+v", len(vouchers), tasks)
		}
		l.audit()
	})
}

// restless is a provider that refuses refunds for a while.
type restless struct {
	core.Provider

	mu    sync.Mutex
	fails int
}

func (r *restless) Refund(ctx context.Context, p core.Payment) error {
	r.mu.Lock()
	fails := r.fails > 0
	r.fails--
	r.mu.Unlock()
	if fails {
		return core.Errorf(core.CodeUnavailable, "the bank does not answer")
	}
	return r.Provider.Refund(ctx, p) //nolint:wrapcheck // the wallet's own
}

func TestARefundIsTriedUntilTheProviderTakesIt(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, nil, nil)
		bank := &restless{fails: 3}
		node := l.another(s, func(p core.Provider) core.Provider {
			bank.Provider = p
			return bank
		})
		o := l.place("ann")
		l.topUp("ann", 199_900)
		l.pay(o, "p")
		_, err := node.RefundOrder(t.Context(), core.StaffAction{Order: o.ID, Actor: core.Principal{ID: "clerk"}, Reason: "broken"})
		must(t, err)
		for range 5 {
			l.clock.advance(10 * time.Second)
			_, err := node.Work(t.Context(), "phone")
			must(t, err)
		}
		l.wantState(o, core.OrderRefunded, core.TakesReturned)
		l.wantBalance("ann", 199_900)
		if tasks := l.tasks(); len(tasks) != 0 {
			t.Errorf("tasks = %+v", tasks)
		}
		l.audit()
	})
}

func TestANodeThatStopsHasDoneWhatItTookOn(t *testing.T) {
	l := newLife(t, sqliteStore(t), granting("thanks"), withPool(10))
	var orders []*core.Order
	for i := range 5 {
		o := l.place(fmt.Sprintf("s%d", i))
		l.topUp(o.Shopper, 1_000_000)
		orders = append(orders, o)
	}
	before := goleak.IgnoreCurrent()
	node := l.another(l.store, nil)
	for _, o := range orders {
		_, err := node.Pay(t.Context(), payOf(o, "p"))
		must(t, err)
	}
	node.Stop()
	goleak.VerifyNone(t, before)
	if vouchers, tasks := l.documents(core.DocumentVoucher), l.tasks(); len(vouchers) != 5 || len(tasks) != 0 {
		t.Errorf("%d vouchers, tasks %+v", len(vouchers), tasks)
	}
}

func TestAFailureIsLoggedOnceHoweverOftenItHappens(t *testing.T) {
	l := newLife(t, sqliteStore(t), granting("thanks"), withPool(0))
	var log strings.Builder
	o := l.place("ann")
	l.topUp("ann", 1_000_000)
	l.pay(o, "p")
	l.Idle()
	d := l.documents(core.DocumentTask)[0]
	d.Due, d.Content = l.clock.now().UnixMilli(), []byte(`{"what":"paid","subject":"`+o.ID+`"}`) // as it was before anybody tried
	_, err := l.store.Apply(t.Context(), &core.Plan{Campaign: "phone", Brand: "xiaomi", Documents: []*core.Document{d}})
	must(t, err)
	node := core.NewEngine(core.Options{
		Store: l.store, Campaigns: l.store, Ledger: l.store, Compiler: l.shows, Now: l.clock.now,
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	must(t, node.Start(t.Context()))
	for range 4 {
		_, err := node.Work(t.Context(), "phone")
		must(t, err)
		l.clock.advance(5 * time.Minute)
	}
	node.Stop()
	if n := strings.Count(log.String(), "task failed"); n != 1 || l.tasks()[0].Tries != 4 {
		t.Errorf("logged %d times after %d tries:\n%s", n, l.tasks()[0].Tries, log.String())
	}
}

// slow is a provider that notes whether whoever asks it for a refund waits for ever.
type slow struct {
	core.Provider

	bounded chan bool
}

func (s *slow) Refund(ctx context.Context, p core.Payment) error {
	_, bounded := ctx.Deadline()
	s.bounded <- bounded
	return s.Provider.Refund(ctx, p) //nolint:wrapcheck // the wallet's own
}

func TestARefundDoesNotWaitForTheProviderForEver(t *testing.T) {
	l := newLife(t, sqliteStore(t), nil, nil)
	bank := &slow{bounded: make(chan bool, 10)}
	node := l.another(l.store, func(p core.Provider) core.Provider {
		bank.Provider = p
		return bank
	})
	o := l.place("ann")
	l.pays(o)
	_, err := node.RefundOrder(t.Context(), clerk(o))
	must(t, err)
	if !<-bank.bounded {
		t.Error("the task waits for the provider without an end")
	}
}
