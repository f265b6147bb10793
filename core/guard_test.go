package core

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// armThat returns an arm that decided so many requests; each change says more of them.
func armThat(decided int64, changes ...func(*ArmSample)) *ArmSample {
	arm := &ArmSample{Rollout: 1, Ruleset: 1, Decided: decided}
	for _, change := range changes {
		change(arm)
	}
	return arm
}

func failedIn(n int64) func(*ArmSample) { return func(a *ArmSample) { a.Failed = n } }
func denied(n int64) func(*ArmSample) {
	return func(a *ArmSample) { a.Refusals = map[Code]int64{CodeDenied: n, CodeSoldOut: 7} }
}

func sold(orders, total, discount int64) func(*ArmSample) {
	return func(a *ArmSample) { a.Orders, a.Total, a.Discount = orders, total, discount }
}

func burned(n int, fuel int64) func(*ArmSample) {
	return func(a *ArmSample) {
		for range n {
			a.Fuel.Observe(fuel)
		}
	}
}

// liveArm is the evidence of one arm whose minute and latest seconds are the same.
func liveArm(arm *ArmSample, against takings) armEvidence {
	return armEvidence{ruleset: 1, minute: arm, latest: arm, seconds: guardSeconds, against: against}
}

func trippedOf(e *evidence) []string {
	var names []string
	for _, v := range e.judgements() {
		if v.tripped() {
			arm := ""
			if v.canary {
				arm = " of the canary"
			}
			names = append(names, string(v.guard)+arm)
		}
	}
	return names
}

func TestAGuardTripsAboveItsLimitAndNotAtIt(t *testing.T) {
	for _, tc := range []struct {
		name     string
		guards   Guards
		budget   Counter
		at, over *ArmSample
		against  takings
		want     GuardName
	}{
		{
			"spending", Guards{SpendPerMinute: 1000}, Counter{},
			armThat(1, sold(1, 9000, 1000)), armThat(1, sold(1, 8999, 1001)), takings{}, GuardSpendPerMinute,
		},
		{
			"errors", Guards{ErrorRate: 200}, Counter{},
			armThat(1000, failedIn(20)), armThat(1000, failedIn(21)), takings{}, GuardErrorRate,
		},
		{
			"denials", Guards{DenialRate: 5000}, Counter{},
			armThat(50, denied(25)), armThat(50, denied(26)), takings{}, GuardDenialRate,
		},
		{
			"fuel", Guards{FuelP99: 63}, Counter{},
			armThat(200, burned(198, 63), burned(2, 1000)), armThat(200, burned(197, 63), burned(3, 64)), takings{}, GuardFuelP99,
		},
		{
			"money per order", Guards{OrderValueDrop: 3000}, Counter{},
			armThat(60, sold(60, 60*700, 0)), armThat(60, sold(60, 60*699, 0)), takings{60, 60 * 1000}, GuardOrderValueDrop,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := &evidence{guards: &tc.guards, budget: tc.budget, armed: true, live: liveArm(tc.at, tc.against)}
			if got := trippedOf(e); len(got) > 0 {
				t.Errorf("at the limit: %v", got)
			}
			e.live = liveArm(tc.over, tc.against)
			if got := trippedOf(e); !slices.Equal(got, []string{string(tc.want)}) {
				t.Errorf("above it: %v", got)
			}
			e.guards = &Guards{}
			if got := e.judgements(); len(got) > 0 {
				t.Errorf("without guards: %+v", got)
			}
		})
	}
}

func TestWithTooLittleDataGuardsSayNothing(t *testing.T) {
	g := Guards{ErrorRate: 1, DenialRate: 1, FuelP99: 1, OrderValueDrop: 1, MinOrders: 10}
	awful := func(n int64) *ArmSample {
		return armThat(n, failedIn(n), denied(n), burned(int(n), 1_000_000), sold(n, n, 0))
	}
	against := takings{1000, 1_000_000}
	e := &evidence{guards: &g, live: liveArm(awful(9), against)}
	if got := trippedOf(e); len(got) > 0 {
		t.Errorf("9 decisions trip %v", got)
	}
	e.live = liveArm(awful(10), against)
	if got := trippedOf(e); len(got) != 4 {
		t.Errorf("10 decisions trip %v", got)
	}
	e.live = liveArm(awful(10), takings{9, 9_000_000})
	if got := trippedOf(e); slices.Contains(got, string(GuardOrderValueDrop)) {
		t.Error("9 orders before are compared with")
	}
	e.guards = &Guards{ErrorRate: 1}
	e.live = liveArm(awful(49), against)
	if got := trippedOf(e); len(got) > 0 {
		t.Errorf("without min_orders, 49 decisions trip %v", got)
	}
}

func TestTheCanaryAnswersForWhatItAddsAndTheLiveRulesetForItsOwn(t *testing.T) {
	g := Guards{SpendPerMinute: 1000}
	evidenceOf := func(live, canary int64) *evidence {
		beside := liveArm(armThat(1, sold(1, 1, canary)), takings{})
		return &evidence{guards: &g, live: liveArm(armThat(1, sold(1, 1, live)), takings{}), canary: &beside}
	}
	for _, tc := range []struct {
		live, canary int64
		want         []string
	}{
		{1000, 0, nil},
		{600, 400, nil},
		{600, 401, []string{"spend_per_minute of the canary"}},
		{1001, 0, []string{"spend_per_minute"}},
		{1001, 1, []string{"spend_per_minute", "spend_per_minute of the canary"}},
	} {
		if got := trippedOf(evidenceOf(tc.live, tc.canary)); !slices.Equal(got, tc.want) {
			t.Errorf("live %d, canary %d: %v, want %v", tc.live, tc.canary, got, tc.want)
		}
	}
}

func TestTheBudgetIsTheCanarysToAnswerForIfThereIsOne(t *testing.T) {
	g := Guards{BudgetShare: 9000}
	live := liveArm(armThat(0), takings{})
	e := &evidence{guards: &g, live: live, armed: true, budget: Counter{Limit: 10_000, Remaining: 1000}}
	if got := trippedOf(e); len(got) > 0 {
		t.Errorf("at the limit: %v", got)
	}
	e.budget.Remaining = 998
	if got := trippedOf(e); !slices.Equal(got, []string{"budget_share"}) {
		t.Errorf("above it: %v", got)
	}
	e.canary = &live
	if got := trippedOf(e); !slices.Equal(got, []string{"budget_share of the canary"}) {
		t.Errorf("with a canary: %v", got)
	}
	e.armed = false
	if got := trippedOf(e); len(got) > 0 {
		t.Errorf("above it from the beginning: %v", got)
	}
}

// TestJudgingFollowsTheDefinitions holds every guard against its definition, computed another way.
func TestJudgingFollowsTheDefinitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		points := rapid.Int64Range(0, WholeShare)
		g := Guards{
			SpendPerMinute: rapid.Int64Range(0, 5000).Draw(t, "spend"), ErrorRate: points.Draw(t, "errors"),
			DenialRate: points.Draw(t, "denials"), FuelP99: rapid.Int64Range(0, 60).Draw(t, "fuel"),
			OrderValueDrop: points.Draw(t, "drop"), MinOrders: rapid.Int64Range(1, 40).Draw(t, "least"),
		}
		decided := rapid.Int64Range(0, 100).Draw(t, "decided")
		upTo := func(name string) int64 { return rapid.Int64Range(0, decided).Draw(t, name) }
		failed, refused, orders := upTo("failed"), upTo("refused"), upTo("orders")
		total, discount := rapid.Int64Range(0, 100_000).Draw(t, "total"), rapid.Int64Range(0, 10_000).Draw(t, "discount")
		before := takings{rapid.Int64Range(0, 100).Draw(t, "orders before"), rapid.Int64Range(0, 100_000).Draw(t, "total before")}
		arm := armThat(decided, failedIn(failed), denied(refused), sold(orders, total, discount))
		var fuels []int64
		for range decided {
			fuels = append(fuels, rapid.Int64Range(0, 63).Draw(t, "burned"))
			arm.Fuel.Observe(fuels[len(fuels)-1])
		}
		over := func(limit int64) int64 {
			n := int64(0)
			for _, fuel := range fuels {
				if fuel > limit {
					n++
				}
			}
			return n
		}
		enough := decided >= g.MinOrders
		want := map[GuardName]bool{
			GuardSpendPerMinute: g.SpendPerMinute > 0 && discount > g.SpendPerMinute,
			GuardErrorRate:      g.ErrorRate > 0 && enough && failed*WholeShare/max(1, decided) > g.ErrorRate,
			GuardDenialRate:     g.DenialRate > 0 && enough && refused*WholeShare/max(1, decided) > g.DenialRate,
			GuardFuelP99:        g.FuelP99 > 0 && enough && over(g.FuelP99)*100 > decided,
		}
		if g.OrderValueDrop > 0 && min(orders, before.orders) >= g.MinOrders && before.total >= before.orders {
			now, then := total/orders, before.total/before.orders
			want[GuardOrderValueDrop] = now < then && (then-now)*WholeShare/then > g.OrderValueDrop
		}
		e := &evidence{guards: &g, live: liveArm(arm, before)}
		got := trippedOf(e)
		for _, name := range GuardNames() {
			if slices.Contains(got, string(name)) != want[name] {
				t.Fatalf("%s: tripped %v, want %v: %+v", name, got, want[name], e.judgements())
			}
		}
		if again := trippedOf(e); !slices.Equal(got, again) {
			t.Fatalf("the same evidence is judged as %v and %v", got, again)
		}
	})
}

func TestMoreOfWhatAGuardIsAgainstNeverCalmsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := Guards{SpendPerMinute: 500, ErrorRate: 1000, DenialRate: 1000, MinOrders: 10}
		decided := rapid.Int64Range(10, 1000).Draw(t, "decided")
		part := rapid.Int64Range(0, decided-1).Draw(t, "part")
		tripped := func(n int64) int {
			arm := armThat(decided, failedIn(n), denied(n), sold(1, 1, n))
			return len(trippedOf(&evidence{guards: &g, live: liveArm(arm, takings{})}))
		}
		if tripped(part+1) < tripped(part) {
			t.Fatalf("%d of %d trip more than %d", part, decided, part+1)
		}
	})
}

func TestAShareOfEverythingFits(t *testing.T) {
	for _, tc := range []struct{ n, all, want int64 }{
		{0, 0, 0}, {1, 0, 0}, {1, 3, 3333}, {2, 2, 10_000}, {3, 2, 15_000},
		{Unbounded, Unbounded, 10_000}, {Unbounded, 1, 10_000}, {Unbounded / 2, Unbounded, 4999},
	} {
		if got := share(tc.n, tc.all); got != tc.want {
			t.Errorf("%d of %d is %d, want %d", tc.n, tc.all, got, tc.want)
		}
	}
}

func TestAGuardSaysWhatItFound(t *testing.T) {
	for _, tc := range []struct {
		v    judgement
		want string
	}{
		{
			judgement{guard: GuardSpendPerMinute, value: 1_234_500, limit: 1_000_000, of: 25, seconds: 60},
			"spend_per_minute is 12345.00 CNY of 25 orders within 60 s, above the limit of 10000.00 CNY",
		},
		{
			judgement{guard: GuardBudgetShare, value: 9001, limit: 9000},
			"budget_share is 90.01 %, above the limit of 90.00 %",
		},
		{
			judgement{guard: GuardErrorRate, value: 1250, limit: 200, of: 400, seconds: 10},
			"error_rate is 12.50 % of 400 decisions within 10 s, above the limit of 2.00 %",
		},
		{
			judgement{guard: GuardFuelP99, value: 600_000, limit: 500_000, of: 50, seconds: 20},
			"fuel_p99 is 600000 of 50 decisions within 20 s, above the limit of 500000",
		},
		{
			judgement{guard: GuardOrderValueDrop, value: 5000, limit: 3000, of: 50, seconds: 60},
			"order_value_drop is 50.00 % of 50 orders within 60 s, above the limit of 30.00 %",
		},
	} {
		if got := tc.v.words("CNY"); got != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}

func TestWhatIsShownIsTheArmThatIsWorseOff(t *testing.T) {
	v := []judgement{
		{guard: GuardErrorRate, value: 100, limit: 200}, {guard: GuardDenialRate, value: 7, limit: 9, silent: true},
		{guard: GuardErrorRate, value: 300, limit: 200, canary: true}, {guard: GuardDenialRate, value: 1, limit: 9, canary: true},
	}
	got := fmt.Sprint(states(v, &Rollout{Action: ActionGuard, Guard: GuardErrorRate}))
	if want := "[{error_rate 300 200 true 0 0 0} {denial_rate 1 9 false 0 0 0}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := states(v, &Rollout{Action: ActionLive, Guard: GuardErrorRate}); got[0].Tripped {
		t.Error("what somebody has changed since is still shown as tripped")
	}
}
