package core_test

import (
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// newBroken starts a campaign whose first binding fails, with this policy, and sells until its breaker opens.
func newBroken(t *testing.T, s store, policy core.FailurePolicy) *judged {
	t.Helper()
	w := newJudged(t, s, core.Guards{}, core.Binding{Mechanic: "cut", OnFailure: policy}, core.Binding{Mechanic: "list"})
	w.live(core.Binding{Mechanic: "faulty", OnFailure: policy}, core.Binding{Mechanic: "list", Group: "extra"})
	w.faulty.fails.Store(true)
	w.sell(19)
	w.judge()
	w.unchanged(2, "after 19 decisions")
	w.sell(1)
	w.judge()
	r := w.rollout()
	if len(r.Breakers) != 1 || r.Action != core.ActionBreaker || r.By != "system" || r.Live != 2 || r.Undo != 1 {
		t.Fatalf("the rollout is %+v", r)
	}
	b := r.Breakers[0]
	if b.Ruleset != 2 || b.Binding != 0 || b.Trips != 1 || b.Failure != "out of order" || b.Until != w.clock.now().Add(30*time.Second).UnixMilli() {
		t.Fatalf("the breaker is %+v", b)
	}
	return w
}

// untouched sells and checks that the mechanic is not asked.
func (w *judged) untouched(shoppers int) []*core.Order {
	w.t.Helper()
	before := w.faulty.asked.Load()
	orders := w.sell(shoppers)
	if n := w.faulty.asked.Load() - before; n != 0 {
		w.t.Errorf("the mechanic was asked %d times although its breaker is open", n)
	}
	return orders
}

func TestABreakerOpensAndClosesOnAllNodesAndOrdersSayThatItWasOpen(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newBroken(t, s, core.FailSkip)
		orders := w.untouched(30)
		if len(orders) != 30 || !strings.Contains(string(orders[29].Quote), `"failure":"breaker_open"`) {
			t.Fatalf("%d orders: %s", len(orders), orders[len(orders)-1].Quote)
		}
		w.judge()
		w.unchanged(3, "while it is open")
		w.clock.advance(30*time.Second - time.Millisecond)
		w.judge()
		w.unchanged(3, "a moment before it closes")
		w.clock.advance(time.Millisecond)
		w.judge()
		if r := w.rollout(); r.Number != 4 || len(r.Breakers) != 0 || r.Action != core.ActionBreaker || r.Reason != "binding 1 of ruleset 2 is asked again" {
			t.Fatalf("the rollout is %+v", r)
		}
		w.sell(20)
		w.judge()
		if r := w.rollout(); len(r.Breakers) != 1 || r.Breakers[0].Trips != 2 || r.Breakers[0].Until != w.clock.now().Add(time.Minute).UnixMilli() {
			t.Fatalf("the rollout is %+v", r)
		}
		w.clock.advance(time.Minute)
		w.judge()
		w.faulty.fails.Store(false)
		for range 6 { // it answers well for as long as it was not asked
			w.sell(20)
			w.judge()
			w.clock.advance(10 * time.Second)
		}
		w.unchanged(6, "while it answers well")
		w.faulty.fails.Store(true)
		w.sell(40)
		w.judge()
		if r := w.rollout(); len(r.Breakers) != 1 || r.Breakers[0].Trips != 1 {
			t.Errorf("the rollout is %+v", r)
		}
		w.audit()
	})
}

func TestAnOpenBreakerLeavesTheOrderToThePolicy(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		t.Run("deny refuses at once", func(t *testing.T) {
			w := newBroken(t, s, core.FailDeny)
			if orders := w.untouched(5); len(orders) != 0 {
				t.Errorf("%d orders", len(orders))
			}
			_, _, err := w.nodes[0].Place(t.Context(), buy("ann", "k"))
			wantCode(t, err, core.CodeMechanicFailed)
		})
	})
	eachStore(t, func(t *testing.T, s store) {
		t.Run("last_good asks what was live before", func(t *testing.T) {
			w := newBroken(t, s, core.FailLastGood)
			orders := w.untouched(5)
			if len(orders) != 5 || !strings.Contains(string(orders[4].Quote), `"last_good":true`) {
				t.Errorf("%d orders", len(orders))
			}
		})
	})
}

func TestNodesThatBreakTogetherOpenABreakerOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newJudged(t, s, core.Guards{}, core.Binding{Mechanic: "faulty", OnFailure: core.FailSkip})
		w.faulty.fails.Store(true)
		for number := int64(1); number < 9; {
			w.sell(40)
			for range 2 {
				for _, node := range w.nodes {
					node.Count(t.Context())
				}
				w.together(func(node *core.Engine) { node.Guard(t.Context()) })
			}
			if number++; w.rollout().Number != number || len(w.rollout().Breakers) != 1 {
				t.Fatalf("opened: %+v, want number %d", w.rollout(), number)
			}
			w.follow()
			w.clock.advance(10 * time.Minute)
			w.together(func(node *core.Engine) { node.Guard(t.Context()) })
			if number++; w.rollout().Number != number || len(w.rollout().Breakers) != 0 {
				t.Fatalf("closed: %+v, want number %d", w.rollout(), number)
			}
			w.follow()
		}
	})
}

func TestWhatOpenedABreakerDoesNotOpenItAgain(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newJudged(t, s, core.Guards{Breaker: core.BreakerTerms{Pause: core.MinPause}}, core.Binding{Mechanic: "faulty", OnFailure: core.FailSkip})
		w.faulty.fails.Store(true)
		w.sell(20)
		w.judge()
		w.faulty.fails.Store(false)
		w.clock.advance(time.Second)
		w.judge()
		if r := w.rollout(); r.Number != 3 || len(r.Breakers) != 0 || len(r.Closed) != 1 {
			t.Fatalf("the rollout is %+v", r)
		}
		w.sell(1) // the twenty failures are two seconds old
		w.judge()
		w.unchanged(3, "by failures that have opened it before")
	})
}
