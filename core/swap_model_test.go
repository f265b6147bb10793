package core_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
)

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
