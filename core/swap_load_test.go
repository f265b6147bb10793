package core_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"hotdrop/core"
)

// The rulesets of these tests: ruleset k takes a price and a discount from a mechanic each, so that each ruleset gives a total
// of its own, and a decision of which one half was made by one and the other half by another gives the total of none.
const swapVariants = 8

// swapTotal is what an order costs under the ruleset; 0 is that no mechanic is asked.
func swapTotal(ruleset int64) int64 { return 199_900 - ruleset*1010 }

// swapMechanics are those of every ruleset.
func swapMechanics() mechanics {
	m := mechanics{}
	for k := int64(1); k <= swapVariants; k++ {
		m[fmt.Sprintf("price-%d", k)] = priceOf(199_900 - k*1000)
		m[fmt.Sprintf("off-%d", k)] = func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			return append(effects, core.Effect{Kind: core.EffectDiscount, Amount: k * 10}), nil
		}
	}
	return m
}

func swapBindings(k int64) []core.Binding {
	return []core.Binding{{Mechanic: fmt.Sprintf("price-%d", k)}, {Mechanic: fmt.Sprintf("off-%d", k)}}
}

// chief is who swaps.
func chief() core.Principal { return core.Principal{ID: "chief", Role: core.RoleOperator} }

// stalls is a store of campaigns that counts the commits that were tried.
type stalls struct {
	core.CampaignStore

	tries atomic.Int64
}

func (s *stalls) SaveCampaign(ctx context.Context, change *core.CampaignChange) error {
	s.tries.Add(1)
	return s.CampaignStore.SaveCampaign(ctx, change)
}

// swapped is a campaign whose rulesets are swapped by several nodes.
type swapped struct {
	*drop

	campaigns *stalls
	nodes     []*core.Engine
}

// newSwapped starts the nodes and adds the rulesets 1 to swapVariants, of which the first is live.
func newSwapped(t *testing.T, s store, nodes int) *swapped {
	t.Helper()
	counted := &stalls{CampaignStore: s}
	d := newDrop(t, struct {
		core.Store
		core.CampaignStore
		core.Ledger
		core.Books
	}{s, counted, s, s}, swapMechanics(), func(c *core.Campaign) {
		c.Items[0].Stock, c.Items[0].Limit = 1_000_000, 0
		c.Ruleset = swapBindings(1)
	})
	all := &swapped{drop: d, campaigns: counted, nodes: []*core.Engine{d.Engine}}
	for len(all.nodes) < nodes {
		all.nodes = append(all.nodes, d.node(swapMechanics(), nil))
	}
	for k := int64(2); k <= swapVariants; k++ {
		added, err := d.AddRuleset(t.Context(), core.RulesetRequest{
			Campaign: "phone", Bindings: swapBindings(k), Reason: "variant", Actor: chief(),
		})
		must(t, err)
		if added.Number != k {
			t.Fatalf("ruleset %d has number %d", k, added.Number)
		}
	}
	return all
}

// interval is what decided in between two swaps: a ruleset for everybody, and perhaps one for some.
type interval struct{ live, canary int64 }

// gives reports whether an order may cost so much.
func (i interval) gives(total int64) bool {
	return total == swapTotal(i.live) || i.canary != 0 && total == swapTotal(i.canary)
}

// timeline is what decided when. A swap is added before it is asked for, and committed once it was answered.
type timeline struct {
	mu        sync.Mutex
	intervals []interval
	committed int
}

func (l *timeline) begin(next interval) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.intervals = append(l.intervals, next)
}

func (l *timeline) commit() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.committed = len(l.intervals) - 1
}

// since returns the swap that was committed last.
func (l *timeline) since() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.committed
}

// allows reports whether an order that was asked for after the swap since may cost so much.
func (l *timeline) allows(since int, total int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.intervals[since:], func(i interval) bool { return i.gives(total) })
}

// acknowledged is the orders that shoppers were told of.
type acknowledged struct {
	mu     sync.Mutex
	orders []*core.Order
}

func (a *acknowledged) add(o *core.Order) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.orders = append(a.orders, o)
}

// TestFiveHundredSwapsUnderLoad swaps on one node after the other while shoppers order on all of them: no order commits under
// a superseded ruleset, none is lost, none is priced by a mix, and every swap is committed by its first try.
func TestFiveHundredSwapsUnderLoad(t *testing.T) {
	const swaps, workers = 500, 6
	eachStore(t, func(t *testing.T, s store) {
		d := newSwapped(t, s, 3)
		line := &timeline{intervals: []interval{{live: 1}}}
		told := &acknowledged{}
		stop := make(chan struct{})
		var rush sync.WaitGroup
		for w := range workers {
			rush.Go(func() { d.orderUntil(stop, w, line, told) })
		}
		tries := d.campaigns.tries.Load()
		d.swapOften(swaps, line)
		close(stop)
		rush.Wait()
		if n := d.campaigns.tries.Load() - tries; n != swaps {
			t.Errorf("%d swaps took %d tries", swaps, n)
		}
		d.requireOrders(told)
	})
}

// orderUntil orders on one of the nodes for one new shopper after the other, until it is to stop.
func (d *swapped) orderUntil(stop <-chan struct{}, worker int, line *timeline, told *acknowledged) {
	node := d.nodes[worker%len(d.nodes)]
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		since := line.since()
		o, _, err := node.Place(context.Background(), buy(fmt.Sprintf("w%d-%d", worker, i), "k"))
		if err != nil {
			d.t.Error(err)
			return
		}
		told.add(o)
		if !line.allows(since, o.Total) {
			d.t.Errorf("an order that was asked for after swap %d costs %d", since, o.Total)
			return
		}
	}
}

// swapOften makes so many swaps, on one node after the other: live, undo and canary.
func (d *swapped) swapOften(swaps int, line *timeline) {
	d.t.Helper()
	record, err := d.Record(d.t.Context(), "phone")
	must(d.t, err)
	rollout, now, before := record.Rollout.Number, interval{live: 1}, interval{}
	for i := range swaps {
		node := d.nodes[i%len(d.nodes)]
		next, change := interval{live: now.live%swapVariants + 1}, core.Change{Mode: core.ModeLive}
		switch i % 10 {
		case 9:
			next = before
		case 4:
			next = interval{live: now.live, canary: now.live%swapVariants + 1}
			change = core.Change{Mode: core.ModeCanary, Percent: 50, Ruleset: next.canary}
		}
		line.begin(next)
		var made *core.Swapped
		if i%10 == 9 {
			made, err = node.Undo(d.t.Context(), core.UndoRequest{Campaign: "phone", Expect: rollout, Reason: "back", Actor: chief()})
		} else {
			if change.Mode == core.ModeLive {
				change.Ruleset = next.live
			}
			made, err = node.ChangeRollout(d.t.Context(), core.RolloutRequest{
				Campaign: "phone", Change: change, Expect: rollout, Reason: "swap", Actor: chief(),
			})
		}
		must(d.t, err)
		line.commit()
		before, now, rollout = now, next, made.Rollout.Number
	}
}

// requireOrders requires that every order is there, that its total is the one that its ruleset gives, and that the books are
// clean, with no order that was decided under an earlier epoch than a swap before it.
func (d *swapped) requireOrders(told *acknowledged) {
	d.t.Helper()
	decided := map[int64]int{}
	for _, o := range told.orders {
		stored, err := d.Order(d.t.Context(), o.ID, o.Shopper)
		must(d.t, err)
		var pinned struct {
			Ruleset int64 `json:"ruleset"`
		}
		must(d.t, json.Unmarshal(stored.Quote, &pinned))
		if stored.Total != o.Total || stored.Total != swapTotal(pinned.Ruleset) {
			d.t.Fatalf("the order %s of ruleset %d costs %d, was %d", o.ID, pinned.Ruleset, stored.Total, o.Total)
		}
		decided[pinned.Ruleset]++
	}
	summary, err := core.Audit(context.Background(), d.store, []core.CampaignKey{{Brand: "xiaomi", ID: "phone"}}, func(f core.Finding) { d.t.Errorf("audit: %+v", f) })
	must(d.t, err)
	if summary.Orders != int64(len(told.orders)) || summary.StaleOrders != 0 || len(decided) != swapVariants {
		d.t.Errorf("%d orders were acknowledged, of rulesets %v; the audit is %+v", len(told.orders), decided, summary)
	}
}

// TestOperatorsWhoSwapAtOnceAllGetThrough has three of them change the rollout at the same time, each on a node of its own,
// each looking again when another was faster: every round somebody gets through, so nobody tries more often than others swap.
func TestOperatorsWhoSwapAtOnceAllGetThrough(t *testing.T) {
	const each = 12
	eachStore(t, func(t *testing.T, s store) {
		d := newSwapped(t, s, 3)
		tries := d.campaigns.tries.Load()
		var all sync.WaitGroup
		for _, node := range d.nodes {
			all.Go(func() {
				for range each {
					if err := d.swapOnce(node); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		record, err := d.Record(t.Context(), "phone")
		must(t, err)
		if made := record.Rollout.Number - 1; made != each*int64(len(d.nodes)) {
			t.Errorf("%d swaps were made", made)
		}
		most := int64(each * len(d.nodes) * len(d.nodes))
		if n := d.campaigns.tries.Load() - tries; n > most {
			t.Errorf("the swaps took %d tries", n)
		}
	})
}

// swapOnce makes the next ruleset live, on what it finds in force.
func (d *swapped) swapOnce(node *core.Engine) error {
	for {
		record, err := node.Record(context.Background(), "phone")
		if err != nil {
			return err
		}
		_, err = node.ChangeRollout(context.Background(), core.RolloutRequest{
			Campaign: "phone", Expect: record.Rollout.Number, Reason: "mine", Actor: chief(),
			Change: core.Change{Mode: core.ModeLive, Ruleset: record.Rollout.Live%swapVariants + 1},
		})
		if core.CodeOf(err) != core.CodePreconditionFailed {
			return err
		}
	}
}

// muted is a store of campaigns that says nothing of their versions any more once it is shut: its node hears of no change.
type muted struct {
	core.CampaignStore

	shut atomic.Bool
}

func (d *muted) Campaigns(ctx context.Context) ([]core.CampaignVersion, error) {
	if d.shut.Load() {
		return nil, fmt.Errorf("polled: %w", core.ErrUnavailable)
	}
	return d.CampaignStore.Campaigns(ctx)
}

// TestANodeThatHearsOfNothingSellsNothingStale has one node swap and another, which can neither poll nor be told, sell.
func TestANodeThatHearsOfNothingSellsNothingStale(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newSwapped(t, s, 1)
		shut := &muted{CampaignStore: s}
		node := core.NewEngine(core.Options{
			Store: s, Campaigns: shut, Ledger: s, Compiler: swapMechanics(), Now: d.clock.now, Log: slog.New(slog.DiscardHandler),
		})
		must(t, node.Start(t.Context()))
		t.Cleanup(node.Stop)
		shut.shut.Store(true)
		for number := int64(1); number < 20; number++ {
			_, err := d.ChangeRollout(t.Context(), core.RolloutRequest{
				Campaign: "phone", Expect: number, Reason: "unheard", Actor: chief(),
				Change: core.Change{Mode: core.ModeLive, Ruleset: number%swapVariants + 1},
			})
			must(t, err)
			o, _, err := node.Place(t.Context(), buy(fmt.Sprintf("s%d", number), "k"))
			must(t, err)
			if want := swapTotal(number%swapVariants + 1); o.Total != want {
				t.Errorf("after swap %d an order costs %d, should be %d", number, o.Total, want)
			}
		}
		d.audit()
	})
}
