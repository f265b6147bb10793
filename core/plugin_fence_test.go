package core_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// fencing is a halved campaign with guards, and one node that judges when the test says so.
type fencing struct {
	*halved

	node     *core.Engine
	faulty   *faulty
	shoppers int
}

// newFencing sells under the guards; its first ruleset binds the plugin, which is skipped where it fails.
func newFencing(t *testing.T, s store, change func(c *core.Campaign)) *fencing {
	t.Helper()
	g := &fencing{halved: newHalved(t, s, core.FailSkip), faulty: &faulty{}}
	g.compiler.mechanics["faulty"] = g.faulty.decide
	_, err := g.apply(g.with(func(c *core.Campaign) {
		c.Items[0].Stock = 10_000
		change(c)
	}))
	must(t, err)
	journal, _ := s.(core.Journal)
	nodes, _ := s.(core.NodeStore)
	g.node = core.NewEngine(core.Options{
		Store: s, Campaigns: s, Ledger: s, Journal: journal, Nodes: nodes, NodeID: "a", Compiler: g.compiler, Plugins: g.plugins,
		Now: g.clock.now, Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(g.node.Stop)
	return g
}

// turns lets the node follow and judge.
func (g *fencing) turns() {
	g.t.Helper()
	for range 2 { // the first time it only finds out that there is something to ask for
		must(g.t, g.node.Turn(g.t.Context()))
	}
}

// sells lets so many shoppers order, and returns how many pay what.
func (g *fencing) sells(shoppers int) map[int64]int {
	g.t.Helper()
	paid := map[int64]int{}
	for range shoppers {
		g.shoppers++
		total, code := sale(g.t.Context(), g.node, fmt.Sprintf("s%04d", g.shoppers))
		if code != "" && code != core.CodeMechanicFailed {
			g.t.Fatalf("shopper %d: %s", g.shoppers, code)
		}
		paid[total]++
	}
	return paid
}

// guardState is what the node shows of the campaign's one guard.
func (g *fencing) guardState() core.GuardState {
	g.t.Helper()
	states, err := g.node.GuardStates(g.t.Context(), "phone")
	if err != nil || len(states) != 1 {
		g.t.Fatalf("%+v, %v", states, err)
	}
	return states[0]
}

// revoked revokes the plugin and checks that the rollout says so, and is otherwise as the guard has made it.
func (g *fencing) revoked(guard core.GuardName) {
	g.t.Helper()
	before := g.rollout()
	if before.Action != core.ActionGuard || before.Guard != guard || before.Live != 1 {
		g.t.Fatalf("the guard made %+v", before)
	}
	must(g.t, g.plugins.decide(core.PluginRevoke, module))
	after := g.rollout()
	if after.Action != core.ActionFence || after.Guard != guard || after.Number != before.Number || after.Live != 1 || after.Stop != before.Stop ||
		len(after.Trips) != 1 || after.By != "approver" || !strings.Contains(after.Reason, "is revoked") {
		g.t.Errorf("the fence made %+v", after)
	}
	must(g.t, g.node.Follow(g.t.Context()))
}

func TestAPluginThatIsRevokedAfterAGuardHasTrippedLeavesWhatTheGuardDid(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		g := newFencing(t, s, func(c *core.Campaign) {
			c.Guards = core.Guards{ErrorRate: 2000, MinOrders: 10, Breaker: core.BreakerTerms{Min: 1000}}
		})
		g.mustChange(core.Change{Mode: core.ModeLive, Ruleset: g.add(core.Binding{Mechanic: "faulty"})})
		g.turns()
		g.faulty.fails.Store(true)
		g.sells(10)
		g.turns()
		g.revoked(core.GuardErrorRate)
		if state := g.guardState(); !state.Tripped || state.TrippedRuleset != 2 {
			t.Errorf("the guard is %+v", state)
		}
		number := g.rollout().Number
		if paid := g.sells(5); paid[list] != 5 {
			t.Errorf("without the plugin they pay %v", paid)
		}
		g.turns()
		if _, err := g.undo(); core.CodeOf(err) != core.CodeWrongState || g.rollout().Number != number {
			t.Errorf("%v: what a guard took back comes back only by name; the rollout is %+v", err, g.rollout())
		}
		g.audit()
	})
}

func TestABudgetThatWasUsedUpBeforeAFenceTripsNoGuardAgain(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		g := newFencing(t, s, func(c *core.Campaign) {
			c.Guardrails.DiscountBudget, c.Guards.BudgetShare = 20*list/2, 5000
		})
		g.compiler.mechanics["half"] = priceOf(list / 2)
		g.mustChange(core.Change{Mode: core.ModeLive, Ruleset: g.add(core.Binding{Mechanic: "half"})})
		g.turns()
		g.sells(10) // at the limit
		g.turns()
		g.sells(1)
		g.turns()
		g.revoked(core.GuardBudgetShare)
		number := g.rollout().Number
		for range 3 {
			g.sells(2)
			g.turns()
		}
		if r := g.rollout(); r.Number != number || r.Stop != core.StopNothing || !g.guardState().Tripped {
			t.Errorf("the rollout is %+v, the guard %+v", r, g.guardState())
		}
		g.audit()
	})
}

func TestWhyABindingIsNotAskedIsSaidUnderEveryFailurePolicy(t *testing.T) {
	for _, policy := range []core.FailurePolicy{core.FailDeny, core.FailSkip, core.FailLastGood} {
		t.Run(string(policy), func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				h := newHalved(t, s, policy)
				idle := func(why core.IdleWhy, words string) {
					t.Helper()
					found, err := h.IdleBindings(t.Context(), "phone")
					must(t, err)
					if len(found) != 1 || found[0].Why != why || found[0].Policy != policy || found[0].Plugin != digestOf(module) ||
						found[0].Mechanic != "named" || !strings.Contains(found[0].Message, words) {
						t.Errorf("%s: %+v", why, found)
					}
				}
				p := h.plugins.is(module, core.PluginApproved)
				h.compiler.breakWith(&core.NotLoadable{Plugin: p, Err: core.Errorf(core.CodeInternal, "the stored plugin is damaged")})
				h.restart()
				idle(core.IdleAbsent, "the stored plugin is damaged")
				h.compiler.breakWith(nil)
				h.later(time.Minute)
				if found, err := h.IdleBindings(t.Context(), "phone"); err != nil || len(found) != 0 {
					t.Errorf("loaded again: %+v, %v", found, err)
				}
				must(t, h.plugins.decide(core.PluginRevoke, module))
				h.later(0)
				idle(core.IdleRevoked, "because")
			})
		})
	}
}

func TestABindingWhoseBreakerIsOpenIsShownAsNotAsked(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newBroken(t, s, core.FailSkip)
		found, err := w.nodes[1].IdleBindings(t.Context(), "phone")
		must(t, err)
		want := core.IdleBinding{
			Ruleset: 2, Binding: 0, Mechanic: "faulty", Policy: core.FailSkip, Why: core.IdleBreaker, Message: "it kept failing: out of order",
		}
		if len(found) != 1 || found[0] != want {
			t.Errorf("%+v", found)
		}
		w.clock.advance(31 * time.Second)
		w.judge()
		if found, err = w.nodes[1].IdleBindings(t.Context(), "phone"); err != nil || len(found) != 0 {
			t.Errorf("closed: %+v, %v", found, err)
		}
	})
}

func TestARevokedPluginOfACanaryIsShownAsNotAskedInTheCanaryOnly(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		_, err := h.apply(h.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "list"}} }))
		must(t, err)
		number := h.add(core.Binding{Mechanic: "list"}, core.Binding{Plugin: digestOf(module), OnFailure: core.FailSkip})
		h.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: number, Percent: 5})
		must(t, h.plugins.decide(core.PluginRevoke, module))
		h.later(0)
		found, err := h.IdleBindings(t.Context(), "phone")
		must(t, err)
		if len(found) != 1 || found[0].Ruleset != number || found[0].Binding != 1 || found[0].Why != core.IdleRevoked || found[0].Policy != core.FailSkip {
			t.Errorf("%+v", found)
		}
	})
}
