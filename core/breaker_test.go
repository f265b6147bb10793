package core

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestABreakerOpensByTheShareOfFailuresOfEnoughDecisions(t *testing.T) {
	for _, tc := range []struct {
		name          string
		terms         BreakerTerms
		asked, failed int64
		want          bool
	}{
		{"nothing asked", BreakerTerms{}, 0, 0, false},
		{"too few by default", BreakerTerms{}, 19, 19, false},
		{"half of twenty by default", BreakerTerms{}, 20, 10, true},
		{"less than half by default", BreakerTerms{}, 20, 9, false},
		{"as many as its campaign says", BreakerTerms{Failures: 1000, Min: 5}, 5, 1, true},
		{"fewer than its campaign says", BreakerTerms{Failures: 1000, Min: 6}, 5, 5, false},
		{"a share that rounds down to nothing", BreakerTerms{Failures: 1, Min: 1}, 100_000, 1, false},
		{"no failure at all", BreakerTerms{Failures: 1, Min: 1}, 1, 0, false},
		{"all of them", BreakerTerms{Failures: 10_000, Min: 1}, 1, 1, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.terms.trips(tc.asked, tc.failed); got != tc.want {
				t.Errorf("%d of %d: %v", tc.failed, tc.asked, got)
			}
		})
	}
}

func TestAPauseDoublesUpToTenMinutes(t *testing.T) {
	want := []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 10 * time.Minute, 10 * time.Minute}
	for i, pause := range want {
		if got := (BreakerTerms{}).pause(int64(i + 1)); got != pause {
			t.Errorf("trip %d pauses for %s, want %s", i+1, got, pause)
		}
	}
	if got := (BreakerTerms{Pause: MaxPause}).pause(Unbounded); got != 10*time.Minute {
		t.Errorf("the longest pause is %s", got)
	}
}

// breaking is a campaign that breakers of binding 0 of ruleset 1 open and close on.
func breaking() *CampaignRecord {
	return &CampaignRecord{Definition: &Campaign{}, Rollout: Rollout{Number: 1, Live: 1, Undo: 1}}
}

// change puts the plan in force, as a swap does.
func (r *CampaignRecord) change(plan *swapPlan) {
	number := r.Rollout.Number
	r.Rollout = plan.rollout
	r.Rollout.Number = number + 1
}

func TestABreakerThatOpensAgainStaysOpenTwiceAsLong(t *testing.T) {
	r := breaking()
	broken := []failing{{ruleset: 1, binding: 0, mechanic: "seckill", asked: 20, failed: 15, failure: "out of fuel"}}
	now := int64(1_356_091_200_000) // 2012-12-21T12:00:00Z
	for _, pause := range []int64{30_000, 60_000, 120_000} {
		plan := r.opened(broken, now)
		if !plan.fenced || plan.action != ActionBreaker || plan.undo != r.Rollout.Undo {
			t.Errorf("plan %+v", plan)
		}
		r.change(plan)
		b := r.Rollout.Breakers[0]
		if b.Until != now+pause || b.Failure != "out of fuel" || !r.Rollout.Breakers.open(1, 0) || len(r.Rollout.Closed) != 0 {
			t.Fatalf("%+v, want a pause of %d ms", r.Rollout, pause)
		}
		if r.closing(b.Until-1) != nil {
			t.Error("it closes too early")
		}
		now = b.Until
		r.change(r.closing(now))
		closed := r.Rollout.Closed[0]
		if r.Rollout.Breakers.open(1, 0) || closed.Rollout != r.Rollout.Number || closed.Until != now+pause {
			t.Fatalf("%+v", r.Rollout)
		}
		if got := r.Rollout.closedBreaker(1, 0, closed.Until-1); got != closed {
			t.Errorf("it is not remembered: %+v", got)
		}
	}
	now = r.Rollout.Closed[0].Until // it has answered well for as long as it was not asked
	r.change(r.opened(broken, now))
	if b := r.Rollout.Breakers[0]; b.Trips != 1 || b.Until != now+30_000 || len(r.Rollout.Closed) != 0 {
		t.Errorf("%+v", r.Rollout)
	}
}

func TestABreakerSaysWhyItOpened(t *testing.T) {
	r := breaking()
	plan := r.opened([]failing{
		{ruleset: 1, binding: 0, mechanic: "seckill", asked: 20, failed: 15, failure: "out of fuel"},
		{ruleset: 1, binding: 2, mechanic: "bundle", asked: 40, failed: 40},
	}, 1_356_091_200_000)
	want := "binding 1 of ruleset 1 (seckill) is not asked before 2012-12-21T12:00:30Z: it failed in 15 of 20 decisions within 10 s, such as: out of fuel; " +
		"binding 3 of ruleset 1 (bundle) is not asked before 2012-12-21T12:00:30Z: it failed in 40 of 40 decisions within 10 s"
	if plan.reason != want {
		t.Errorf("got  %s\nwant %s", plan.reason, want)
	}
	r.change(plan)
	if plan = r.closing(1_356_091_300_000); plan.reason != "binding 1 of ruleset 1 is asked again; binding 3 of ruleset 1 is asked again" {
		t.Error(plan.reason)
	}
}

// TestBreakersOpenAndCloseInAnyOrder opens and closes breakers at random moments: none is ever open and closed, none opens
// for longer than the longest pause, and what closes was due.
func TestBreakersOpenAndCloseInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, now := breaking(), int64(1_000_000)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now += rapid.Int64Range(0, 400_000).Draw(t, "later")
			before := r.Rollout
			if plan := r.closing(now); plan != nil {
				r.change(plan)
			}
			var broken []failing
			for binding := range 3 {
				if !r.Rollout.Breakers.open(1, binding) && rapid.Bool().Draw(t, "fails") {
					broken = append(broken, failing{ruleset: 1, binding: binding})
				}
			}
			if len(broken) > 0 {
				r.change(r.opened(broken, now))
			}
			check(t, &before, &r.Rollout, now)
		}
	})
}

func check(t *rapid.T, before, after *Rollout, now int64) {
	for _, b := range after.Breakers {
		if b.Until <= now || b.Until > now+time.Duration(MaxPause).Milliseconds() || b.Trips < 1 {
			t.Fatalf("at %d: %+v", now, b)
		}
		if slices.ContainsFunc(after.Closed, func(c ClosedBreaker) bool { return c.Ruleset == b.Ruleset && c.Binding == b.Binding }) {
			t.Fatalf("open and closed: %+v", after)
		}
	}
	for _, b := range before.Breakers {
		if b.Until > now && !after.Breakers.open(b.Ruleset, b.Binding) {
			t.Fatalf("at %d it closed too early: %+v", now, b)
		}
	}
	seen := map[int]bool{}
	for _, c := range after.Closed {
		if seen[c.Binding] {
			t.Fatalf("closed twice: %+v", after.Closed)
		}
		seen[c.Binding] = true
	}
}

func TestOldFailuresDoNotOpenABreakerAgain(t *testing.T) {
	const now = 1_000_000
	arm := func(rollout int64, failed int64) *ArmSample {
		return &ArmSample{Rollout: rollout, Ruleset: 1, Bindings: []*BindingSample{{Asked: 20, Failed: failed}}}
	}
	w := windowFrom(now, map[int64]*ArmSample{now - 10: arm(5, 20), now - 9: arm(3, 20), now - 5: arm(4, 20), now: arm(5, 1)})
	for _, tc := range []struct{ rollout, asked, failed int64 }{{0, 60, 41}, {4, 40, 21}, {5, 20, 1}, {6, 0, 0}} {
		if asked, failed := w.bindingOf(1, 0, tc.rollout); asked != tc.asked || failed != tc.failed {
			t.Errorf("since rollout %d: %d of %d failed, want %d of %d", tc.rollout, failed, asked, tc.failed, tc.asked)
		}
	}
	if asked, _ := w.bindingOf(1, 1, 0); asked != 0 {
		t.Error("another binding counts")
	}
	if asked, _ := w.bindingOf(2, 0, 0); asked != 0 {
		t.Error("another ruleset counts")
	}
}

func TestTheLatestFailureOfEachBindingIsRemembered(t *testing.T) {
	var g guarding
	note := func(ruleset int64, failures ...string) {
		d := &decision{ruleset: ruleset}
		for _, failure := range failures {
			d.steps = append(d.steps, step{failure: failure})
		}
		g.note(&observed{quoted: &quoted{decision: d}})
	}
	note(1, "first", "", "third")
	note(1, breakerOpen, "", "again")
	if got := g.failure(1, 0) + g.failure(1, 1) + g.failure(1, 2) + g.failure(2, 0); got != "firstagain" {
		t.Error(got)
	}
	for i := range int64(3 * maxFailures) {
		note(i, strings.Repeat("x", 3))
	}
	if len(g.failures) > maxFailures || g.failure(3*maxFailures-1, 0) != "xxx" {
		t.Errorf("%d failures are remembered", len(g.failures))
	}
}
