package core_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

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

// TestRolloutsAreWhatTheModelSays has operators do whatever they like on either of two nodes. After each of it both nodes sell
// at the price of the ruleset that the model says, which knows nothing of nodes, epochs or rows.
func TestRolloutsAreWhatTheModelSays(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, swapMechanics(), nil)
		nodes := []*core.Engine{d.Engine, d.node(swapMechanics(), nil)}
		campaigns := 0
		rapid.Check(t, func(t *rapid.T) {
			campaigns++
			m := &rolloutModel{store: s, nodes: nodes, campaign: fmt.Sprintf("m%d", campaigns), now: modelled{live: 1}, number: 1}
			m.open(t, d.def)
			for range rapid.IntRange(1, 8).Draw(t, "changes") {
				m.change(t)
				m.check(t)
			}
			_, err := core.Audit(context.Background(), s, []core.CampaignKey{{Brand: "xiaomi", ID: m.campaign}}, func(f core.Finding) { t.Errorf("audit: %+v", f) })
			allow(t, err)
		})
	})
}

// modelVariants is how many rulesets the model has.
const modelVariants = 4

// modelled is a rollout as the model has it.
type modelled struct {
	live, canary, percent, shadow int64
	stop                          core.Stop
}

// rolloutModel is a campaign's rollout, and what an undo goes back to.
type rolloutModel struct {
	store    store
	nodes    []*core.Engine
	campaign string
	now      modelled
	number   int64
	undo     []modelled
	orders   int
}

// open applies the campaign and adds its rulesets.
func (m *rolloutModel) open(t *rapid.T, like *core.Campaign) {
	def := *like
	def.ID, def.Ruleset, def.Items = m.campaign, swapBindings(1), slices.Clone(like.Items)
	def.Items[0].Stock, def.Items[0].Limit = 1000, 0
	_, err := m.nodes[0].ApplyCampaign(context.Background(), core.ApplyRequest{Definition: &def, Actor: chief(), Reason: "model"})
	allow(t, err)
	for k := int64(2); k <= modelVariants; k++ {
		_, err := m.nodes[k%2].AddRuleset(context.Background(), core.RulesetRequest{
			Campaign: m.campaign, Bindings: swapBindings(k), Reason: "variant", Actor: chief(),
		})
		allow(t, err)
	}
}

// change makes one of the changes there are.
func (m *rolloutModel) change(t *rapid.T) {
	node := m.nodes[rapid.IntRange(0, 1).Draw(t, "node")]
	actions := []func(*rapid.T, *core.Engine){m.goLive, m.goLive, m.beginCanary, m.beginShadow, m.abort, m.stop, m.back, m.late}
	rapid.SampledFrom(actions).Draw(t, "action")(t, node)
}

// ask asks for a change, and takes note of it unless it is refused as the model wants it to be.
func (m *rolloutModel) ask(t *rapid.T, node *core.Engine, change core.Change, next modelled, refused bool) {
	made, err := node.ChangeRollout(context.Background(), core.RolloutRequest{
		Campaign: m.campaign, Change: change, Expect: m.number, Reason: "model", Actor: chief(),
	})
	if refused {
		if core.CodeOf(err) != core.CodeWrongState {
			t.Fatalf("%+v on %+v: %v, should be refused", change, m.now, err)
		}
		return
	}
	allow(t, err)
	m.took(t, made, next)
}

// took takes note of a change that can be undone.
func (m *rolloutModel) took(t *rapid.T, made *core.Swapped, next modelled) {
	m.undo = append(m.undo, m.now)
	m.became(t, made, next)
}

func (m *rolloutModel) became(t *rapid.T, made *core.Swapped, next modelled) {
	if m.number++; made.Rollout.Number != m.number {
		t.Fatalf("the rollout has number %d, should be %d", made.Rollout.Number, m.number)
	}
	m.now = next
}

func ruleset(t *rapid.T) int64 { return rapid.Int64Range(1, modelVariants).Draw(t, "ruleset") }

func (m *rolloutModel) goLive(t *rapid.T, node *core.Engine) {
	next := m.now
	next.live, next.canary, next.percent = ruleset(t), 0, 0
	if next.shadow == next.live {
		next.shadow = 0
	}
	m.ask(t, node, core.Change{Mode: core.ModeLive, Ruleset: next.live}, next, next.live == m.now.live && m.now.canary == 0)
}

func (m *rolloutModel) beginCanary(t *rapid.T, node *core.Engine) {
	next := m.now
	next.canary, next.percent = ruleset(t), rapid.Int64Range(1, 99).Draw(t, "percent")
	change := core.Change{Mode: core.ModeCanary, Ruleset: next.canary, Percent: next.percent}
	m.ask(t, node, change, next, next.canary == next.live || next == m.now)
}

func (m *rolloutModel) beginShadow(t *rapid.T, node *core.Engine) {
	next := m.now
	next.shadow = ruleset(t)
	refused := next.shadow == m.now.live || next.shadow == m.now.shadow
	m.ask(t, node, core.Change{Mode: core.ModeShadow, Ruleset: next.shadow}, next, refused)
}

func (m *rolloutModel) abort(t *rapid.T, node *core.Engine) {
	next := m.now
	next.canary, next.percent, next.shadow = 0, 0, 0
	m.ask(t, node, core.Change{Mode: core.ModeAbort}, next, next == m.now)
}

func (m *rolloutModel) stop(t *rapid.T, node *core.Engine) {
	next := m.now
	levels := []core.Stop{core.StopNothing, core.StopReservations, core.StopMechanics, core.StopCampaign}
	next.stop = rapid.SampledFrom(levels).Draw(t, "level")
	made, err := node.StopCampaign(context.Background(), core.StopRequest{
		Campaign: m.campaign, Level: next.stop, Reason: "model", Actor: chief(),
	})
	allow(t, err)
	if next != m.now {
		m.became(t, made, next) // no undo goes back on a stop
	}
}

// back undoes the last change that was not undone yet.
func (m *rolloutModel) back(t *rapid.T, node *core.Engine) {
	made, err := node.Undo(context.Background(), core.UndoRequest{Campaign: m.campaign, Reason: "model", Actor: chief()})
	if len(m.undo) == 0 {
		if core.CodeOf(err) != core.CodeWrongState {
			t.Fatalf("nothing is left to undo: %v", err)
		}
		return
	}
	allow(t, err)
	last := len(m.undo) - 1
	next := m.undo[last]
	next.stop = m.now.stop
	m.undo = m.undo[:last]
	m.became(t, made, next)
}

// late asks for a change without having seen the one before.
func (m *rolloutModel) late(t *rapid.T, node *core.Engine) {
	_, err := node.ChangeRollout(context.Background(), core.RolloutRequest{
		Campaign: m.campaign, Change: core.Change{Mode: core.ModeLive, Ruleset: ruleset(t)}, Expect: m.number - 1, Reason: "late", Actor: chief(),
	})
	if core.CodeOf(err) != core.CodePreconditionFailed {
		t.Fatalf("a change of what is not in force any more: %v", err)
	}
}

// check has a new shopper order on each node. Both have to sell to the shopper at the same price: that of one arm.
func (m *rolloutModel) check(t *rapid.T) {
	m.orders++
	totals := make([]int64, len(m.nodes))
	for i, node := range m.nodes {
		o, err := m.place(node, fmt.Sprintf("k%d", i))
		if m.now.stop == core.StopCampaign {
			if core.CodeOf(err) != core.CodeStopped {
				t.Fatalf("an order of a campaign that is stopped: %v", err)
			}
			return
		}
		allow(t, err)
		totals[i] = o.Total
	}
	want := interval{live: m.now.live, canary: m.now.canary}
	if m.now.stop == core.StopMechanics {
		want = interval{}
	}
	if !want.gives(totals[0]) || totals[0] != totals[1] {
		t.Fatalf("orders on the nodes cost %d under %+v", totals, m.now)
	}
}

// place orders on the node. One that has yet to hear that a stop is over refuses until it has: a refusal takes nothing, so no
// fence is needed for it.
func (m *rolloutModel) place(node *core.Engine, key string) (o *core.Order, err error) {
	req := buy(fmt.Sprintf("s%d", m.orders), key)
	req.Campaign = m.campaign
	for range 1_000_000 {
		o, _, err = node.Place(context.Background(), req)
		if core.CodeOf(err) != core.CodeStopped || m.now.stop == core.StopCampaign {
			break
		}
		runtime.Gosched()
	}
	return o, err
}

// TestAShopperStaysWithACanaryThatGrows widens a canary: whoever had it keeps it, on every node, and others come.
func TestAShopperStaysWithACanaryThatGrows(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newSwapped(t, s, 2)
		had := map[string]bool{}
		for number, percent := range []int64{10, 40, 90} {
			_, err := d.nodes[number%2].ChangeRollout(t.Context(), core.RolloutRequest{
				Campaign: "phone", Expect: int64(number + 1), Reason: "wider", Actor: chief(),
				Change: core.Change{Mode: core.ModeCanary, Ruleset: 2, Percent: percent},
			})
			must(t, err)
			have := map[string]bool{}
			for i := range 60 {
				shopper := fmt.Sprintf("s%02d", i)
				o, _, err := d.nodes[(i+number)%2].Place(t.Context(), buy(shopper, fmt.Sprintf("k%d", number)))
				must(t, err)
				have[shopper] = o.Total == swapTotal(2)
				if had[shopper] && !have[shopper] {
					t.Errorf("%s had the canary, and has it no more at %d %%", shopper, percent)
				}
			}
			had = have
		}
		if n := len(slices.DeleteFunc(keysOf(had), func(shopper string) bool { return !had[shopper] })); n < 40 || n == 60 {
			t.Errorf("the canary for 90 %% decides for %d of 60", n)
		}
	})
}

func keysOf(m map[string]bool) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	return keys
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
