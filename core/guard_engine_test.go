package core_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
)

// list is the list price of the item of a [drop].
const list = 199_900

// faulty is a mechanic that fails when it is told to, and counts how often it is asked.
type faulty struct {
	fails atomic.Bool
	asked atomic.Int64
}

func (f *faulty) decide(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
	f.asked.Add(1)
	if f.fails.Load() {
		return nil, errors.New("out of order")
	}
	return append(effects, core.Effect{Kind: core.EffectPrice, Amount: 150_000}), nil
}

// judged is a drop whose nodes judge when the test says so.
type judged struct {
	*drop

	nodes     []*core.Engine
	mechanics mechanics
	changes   *recorded
	faulty    *faulty
	shoppers  int
}

// newJudged starts a campaign that sells at the list price, and two nodes that sell it. The drop's own engine changes the
// rollout and sells nothing.
func newJudged(t *testing.T, s store, guards core.Guards, ruleset ...core.Binding) *judged {
	t.Helper()
	w := &judged{changes: &recorded{CampaignStore: s}, faulty: &faulty{}}
	w.mechanics = mechanics{
		"list": priceOf(list), "half": priceOf(list / 2), "cut": priceOf(150_000), "faulty": w.faulty.decide,
		"deny": func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			return append(effects, core.Effect{Kind: core.EffectDeny, Name: "no"}), nil
		},
	}
	w.drop = newDrop(t, s, w.mechanics, func(c *core.Campaign) {
		c.Items[0].Stock, c.Guards, c.Ruleset = 10_000, guards, ruleset
	})
	w.nodes = []*core.Engine{w.node("a"), w.node("b")}
	return w
}

// node is one more node, which does nothing by itself.
func (w *judged) node(id string) *core.Engine {
	journal, _ := w.store.(core.Journal)
	nodes, _ := w.store.(core.NodeStore)
	e := core.NewEngine(core.Options{
		Store: w.store, Campaigns: w.changes, Ledger: w.store, Journal: journal, Nodes: nodes, NodeID: id,
		Compiler: w.mechanics, Now: w.clock.now, Log: slog.New(slog.DiscardHandler),
	})
	w.t.Cleanup(e.Stop)
	return e
}

// sell lets so many shoppers order, at the nodes in turn, and returns how many got an order.
func (w *judged) sell(shoppers int) (orders []*core.Order) {
	w.t.Helper()
	for range shoppers {
		w.shoppers++
		shopper := fmt.Sprintf("s%04d", w.shoppers)
		o, _, err := w.nodes[w.shoppers%len(w.nodes)].Place(context.Background(), buy(shopper, "k"))
		switch core.CodeOf(err) {
		case "":
			orders = append(orders, o)
		case core.CodeMechanicFailed, core.CodeDenied:
		default:
			w.t.Fatal(err)
		}
	}
	return orders
}

// judge lets the nodes judge by what all of them have sold.
func (w *judged) judge() {
	w.t.Helper()
	for range 2 { // the first time they only find out that there is something to ask for
		for _, node := range w.nodes {
			must(w.t, node.Turn(w.t.Context()))
		}
	}
}

// live adds a ruleset of the bindings, makes it live and returns its number.
func (w *judged) live(bindings ...core.Binding) int64 {
	w.t.Helper()
	number := w.add(bindings...)
	w.mustChange(core.Change{Mode: core.ModeLive, Ruleset: number})
	w.follow()
	return number
}

func (w *judged) follow() {
	w.t.Helper()
	for _, node := range w.nodes {
		must(w.t, node.Turn(w.t.Context()))
	}
}

// unchanged checks that the rollout is still the one of the number.
func (w *judged) unchanged(number int64, when string) {
	w.t.Helper()
	if r := w.rollout(); r.Number != number {
		w.t.Fatalf("%s the rollout became %+v", when, r)
	}
}

func TestACanaryThatGivesTooMuchIsAbortedByTheNodesThemselves(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newJudged(t, s, core.Guards{SpendPerMinute: 10 * list / 2}, core.Binding{Mechanic: "list"})
		half := w.add(core.Binding{Mechanic: "half"})
		begun := w.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: half, Percent: 50}).Rollout.Number
		w.follow()
		canaries := 0
		for ; canaries < 10; canaries += w.halves(1) { // none of the nodes has sold ten of them
			continue
		}
		w.judge()
		w.unchanged(begun, "at the limit")
		for ; canaries < 11; canaries += w.halves(1) {
			continue
		}
		w.judge()
		r := w.rollout()
		if r.Number != begun+1 || r.Canary != nil || r.Live != 1 || r.Action != core.ActionGuard || r.Guard != core.GuardSpendPerMinute || r.By != "system" {
			t.Errorf("the rollout is %+v", r)
		}
		if want := fmt.Sprintf("spend_per_minute is 10994.50 CNY of %d orders within 60 s, above the limit of 9995.00 CNY: the canary, ruleset %d, is aborted",
			w.shoppers, half); r.Reason != want {
			t.Errorf("got  %s\nwant %s", r.Reason, want)
		}
		last := w.changes.entries[len(w.changes.entries)-1]
		if last.Actor != "system" || last.Action != "rollout.guard" || last.Reason != r.Reason {
			t.Errorf("the staff log has %+v", last)
		}
		if got := w.halves(40); got != 0 {
			t.Errorf("%d shoppers still pay half", got)
		}
		w.judge()
		w.unchanged(begun+1, "after the canary was aborted")
		_, err := w.undo()
		wantCode(t, err, core.CodeWrongState) // what a guard took back comes back only by name
		w.audit()
	})
}

// halves sells to so many shoppers and returns how many of them pay half.
func (w *judged) halves(shoppers int) int {
	n := 0
	for _, o := range w.sell(shoppers) {
		if o.Total == list/2 {
			n++
		}
	}
	return n
}

func TestALiveRulesetThatFailsIsTakenBackAndWhatComesBackIsNotTakenBackForIt(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newJudged(t, s, core.Guards{ErrorRate: 2000, MinOrders: 10}, core.Binding{Mechanic: "cut"})
		w.sell(20)
		w.live(core.Binding{Mechanic: "faulty"})
		w.faulty.fails.Store(true)
		w.sell(9)
		w.judge()
		w.unchanged(2, "after nine decisions")
		w.sell(1)
		states, err := w.nodes[0].GuardStates(t.Context(), "phone")
		must(t, err)
		if len(states) != 1 || states[0].Name != "error_rate" || states[0].Limit != 2000 || states[0].Tripped {
			t.Errorf("the guards are %+v", states)
		}
		w.judge()
		r := w.rollout()
		want := "error_rate is 100.00 % of 10 decisions within 10 s, above the limit of 20.00 %: ruleset 1 decides again instead of ruleset 2"
		if r.Number != 3 || r.Live != 1 || r.LastGood != 0 || r.Stop != core.StopNothing || r.Reason != want {
			t.Errorf("the rollout is %+v", r)
		}
		states, err = w.nodes[1].GuardStates(t.Context(), "phone")
		must(t, err)
		tripped := core.GuardState{
			Name: "error_rate", Limit: 2000, Tripped: true, TrippedAt: r.At, TrippedValue: 10_000, TrippedRuleset: 2,
		}
		if len(states) != 1 || states[0] != tripped {
			t.Errorf("the guards are %+v", states)
		}
		if o := w.sell(30); len(o) != 30 || o[0].Total != 150_000 {
			t.Errorf("%d orders", len(o))
		}
		w.judge()
		w.unchanged(3, "while what came back sells")
		w.clock.advance(time.Minute)
		w.sell(30)
		w.judge()
		w.unchanged(3, "a minute later")
		w.stop(core.StopReservations) // after any change the guard has only tripped before
		w.follow()
		tripped.Tripped = false
		if states, err = w.nodes[0].GuardStates(t.Context(), "phone"); err != nil || len(states) != 1 || states[0] != tripped {
			t.Errorf("%v, the guards are %+v", err, states)
		}
		w.live(core.Binding{Mechanic: "cut"})
		if _, err := w.undo(); err != nil || len(w.rollout().Trips) != 1 {
			t.Errorf("%v: the trip is forgotten: %+v", err, w.rollout())
		}
		w.audit()
	})
}

func TestWithNothingToGoBackToAGuardTurnsMechanicsOff(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newJudged(t, s, core.Guards{ErrorRate: 2000, MinOrders: 10, Breaker: core.BreakerTerms{Min: 1000}}, core.Binding{Mechanic: "faulty"})
		w.faulty.fails.Store(true)
		w.sell(10)
		w.judge()
		r := w.rollout()
		if r.Number != 2 || r.Live != 1 || r.Stop != core.StopMechanics || !strings.HasSuffix(r.Reason, "there is nothing to go back to from ruleset 1: mechanics are off") {
			t.Errorf("the rollout is %+v", r)
		}
		asked := w.faulty.asked.Load()
		if o := w.sell(20); len(o) != 20 || o[0].Total != list || w.faulty.asked.Load() != asked {
			t.Errorf("%d orders, asked %d times more", len(o), w.faulty.asked.Load()-asked)
		}
		w.judge()
		w.unchanged(2, "while mechanics are off")
		w.faulty.fails.Store(false)
		w.stop(core.StopNothing)
		w.follow()
		w.sell(20) // all of it since mechanics are on again
		w.judge()
		w.unchanged(3, "after mechanics were turned on")
		w.faulty.fails.Store(true)
		w.sell(20)
		w.judge()
		if r := w.rollout(); r.Number != 4 || r.Stop != core.StopMechanics {
			t.Errorf("the rollout is %+v", r)
		}
		w.audit()
	})
}

func TestMoneyPerOrderIsComparedWithWhatWasLiveBefore(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newJudged(t, s, core.Guards{OrderValueDrop: 3000, MinOrders: 10}, core.Binding{Mechanic: "list"})
		w.sell(20)
		w.judge()
		w.clock.advance(2 * time.Second)
		w.live(core.Binding{Mechanic: "cut"}) // a quarter less
		w.sell(20)
		w.judge()
		w.unchanged(2, "a quarter less money per order, and")
		w.clock.advance(2 * time.Second)
		w.live(core.Binding{Mechanic: "half"})     // a third less than that
		w.nodes = append(w.nodes[:1], w.node("c")) // which has to read what was before
		w.sell(9)
		w.judge()
		w.unchanged(3, "after nine orders")
		w.sell(1)
		w.nodes[0], w.nodes[1] = w.nodes[1], w.nodes[0] // the new one judges first
		w.judge()
		r := w.rollout()
		want := "order_value_drop is 33.36 % of 10 orders within 60 s, above the limit of 30.00 %: ruleset 2 decides again instead of ruleset 3"
		if r.Number != 4 || r.Live != 2 || r.Reason != want {
			t.Errorf("the rollout is %+v", r)
		}
		w.sell(20)
		w.judge()
		w.unchanged(4, "after it went back")
	})
}

func TestACanaryIsComparedWithTheLiveRulesetOfTheSameTime(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newJudged(t, s, core.Guards{OrderValueDrop: 3000, DenialRate: 9000, MinOrders: 5}, core.Binding{Mechanic: "list"})
		w.sell(40)
		half := w.add(core.Binding{Mechanic: "half"})
		number := w.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: half, Percent: 50}).Rollout.Number
		w.follow()
		w.judge()
		w.unchanged(number, "before anybody had the canary")
		w.sell(60)
		w.judge()
		if r := w.rollout(); r.Number != number+1 || r.Canary != nil || r.Guard != core.GuardOrderValueDrop {
			t.Errorf("the rollout is %+v", r)
		}
		denies := w.add(core.Binding{Mechanic: "deny"})
		w.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: denies, Percent: 50})
		w.follow()
		w.sell(60)
		w.judge()
		if r := w.rollout(); r.Number != number+3 || r.Canary != nil || r.Guard != core.GuardDenialRate {
			t.Errorf("the rollout is %+v", r)
		}
	})
}

func TestARulesetThatUsesUpTheBudgetIsTakenBackOnceForIt(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newJudged(t, s, core.Guards{}, core.Binding{Mechanic: "cut"})
		w.def = w.with(func(c *core.Campaign) { c.Guardrails.DiscountBudget, c.Guards.BudgetShare = 20*list/2, 5000 })
		_, err := w.apply(w.def)
		must(t, err)
		w.follow()
		w.live(core.Binding{Mechanic: "half"})
		w.sell(10)
		w.judge()
		w.unchanged(2, "at the limit")
		w.sell(1)
		w.judge()
		if r := w.rollout(); r.Number != 3 || r.Live != 1 || r.Guard != core.GuardBudgetShare {
			t.Errorf("the rollout is %+v", r)
		}
		w.sell(4)
		w.judge()
		w.unchanged(3, "the budget is as far gone as before, and")
	})
}

func TestNodesThatTripTogetherMakeOneRollout(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newJudged(t, s, core.Guards{ErrorRate: 1000, MinOrders: 10}, core.Binding{Mechanic: "cut"})
		w.nodes = append(w.nodes, w.node("c"), w.node("d"))
		w.live(core.Binding{Mechanic: "faulty"})
		w.faulty.fails.Store(true)
		for round := range 5 {
			before := w.rollout().Number
			w.sell(40)
			for range 2 {
				for _, node := range w.nodes {
					node.Count(t.Context())
				}
				w.together(func(node *core.Engine) { node.Guard(t.Context()) })
			}
			if r := w.rollout(); r.Number != before+1 || r.Live != 1 {
				t.Fatalf("round %d: the rollout is %+v, it was %d", round, r, before)
			}
			w.clock.advance(time.Second)
			w.mustChange(core.Change{Mode: core.ModeLive, Ruleset: 2})
			w.follow()
		}
	})
}

func (w *judged) together(do func(node *core.Engine)) {
	var all sync.WaitGroup
	for _, node := range w.nodes {
		all.Go(func() { do(node) })
	}
	all.Wait()
}

// sampleReads counts how often what nodes counted is read.
type sampleReads struct {
	core.Journal

	reads atomic.Int64
}

func (r *sampleReads) Samples(ctx context.Context, of core.CampaignKey, from, until int64) ([]core.Sample, error) {
	r.reads.Add(1)
	return r.Journal.Samples(ctx, of, from, until)
}

func TestACampaignWithoutTrafficIsNotJudged(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newJudged(t, s, core.Guards{ErrorRate: 1, MinOrders: 1}, core.Binding{Mechanic: "cut"})
		journal, _ := s.(core.Journal)
		counted := &sampleReads{Journal: journal}
		quiet := core.NewEngine(core.Options{
			Store: s, Campaigns: w.changes, Ledger: s, Journal: counted, Compiler: w.mechanics, Now: w.clock.now, Log: slog.New(slog.DiscardHandler),
		})
		turns := func() int64 {
			before := counted.reads.Load()
			for range 3 {
				must(t, quiet.Turn(t.Context()))
			}
			return counted.reads.Load() - before
		}
		if n := turns(); n != 0 {
			t.Errorf("nothing was sold, and samples were read %d times", n)
		}
		_, _, err := quiet.Place(t.Context(), buy("ann", "k"))
		must(t, err)
		if n := turns(); n == 0 {
			t.Error("something was sold, and nothing is judged")
		}
		w.clock.advance(2 * time.Minute)
		if n := turns(); n != 0 {
			t.Errorf("two minutes later samples were read %d times", n)
		}
	})
}

// byItself tells of every change that a guard or a breaker made.
type byItself struct {
	core.CampaignStore

	made chan core.Rollout
}

func (a *byItself) SaveCampaign(ctx context.Context, change *core.CampaignChange) error {
	err := a.CampaignStore.SaveCampaign(ctx, change)
	if r := change.Record.Rollout; err == nil && (r.Action == core.ActionGuard || r.Action == core.ActionBreaker) {
		a.made <- r
	}
	return err
}

// TestRunningNodesTakeBackByThemselves is the same with nodes that run, and nobody who tells them to judge.
func TestRunningNodesTakeBackByThemselves(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newJudged(t, s, core.Guards{SpendPerMinute: 5 * list}, core.Binding{Mechanic: "list"})
		changes := &byItself{CampaignStore: s, made: make(chan core.Rollout, 8)}
		w.changes.CampaignStore = s
		journal, _ := s.(core.Journal)
		nodes, _ := s.(core.NodeStore)
		w.nodes = nil
		for _, id := range []string{"a", "b", "c"} {
			node := core.NewEngine(core.Options{
				Store: s, Campaigns: changes, Ledger: s, Journal: journal, Nodes: nodes, NodeID: id,
				Compiler: w.mechanics, Now: w.clock.now, Log: slog.New(slog.DiscardHandler),
			})
			must(t, node.Start(t.Context()))
			t.Cleanup(node.Stop)
			w.nodes = append(w.nodes, node)
		}
		half := w.add(core.Binding{Mechanic: "half"})
		w.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: half, Percent: 90})
		w.sell(20)
		if r := <-changes.made; r.Canary != nil || r.Guard != core.GuardSpendPerMinute || r.Live != 1 {
			t.Errorf("the rollout is %+v", r)
		}
		if n := w.halves(20); n != 0 {
			t.Errorf("%d shoppers pay half after the canary was aborted", n)
		}
		w.audit()
	})
}
