package core

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// decidedBy is a request that a ruleset with one binding decided, at a price of 90 instead of 100.
func decidedBy(rollout, ruleset int64, canary bool, s step) *quoted {
	m := &Manifest{Name: "flash", Hooks: []Hook{HookQuote}}
	s.manifest = m
	return &quoted{
		admission: admission{snapshot: &snapshot{record: &CampaignRecord{Rollout: Rollout{Number: rollout}}}},
		ruleset:   &compiled{ruleset: Ruleset{Number: ruleset, Bindings: []Binding{{Mechanic: "flash"}}}},
		canary:    canary,
		decision:  &decision{steps: []step{s}, price: price{list: 100, quantity: 1}, total: 90, off: 10},
	}
}

var meterBegan = time.Unix(1_000, 0)

// answered is a request that took so long, from the beginning of second 1000 on.
func answered(q *quoted, took time.Duration, err error) *observed {
	seen := &observed{began: meterBegan, took: took, quoted: q, err: err}
	if err == nil {
		seen.order = &Order{}
	}
	return seen
}

func testMeter() *meter { return newMeter(func() time.Time { return meterBegan }) }

// all adds up what the meter has counted.
func (m *meter) all() *SampleContent {
	sum := &SampleContent{}
	for _, one := range m.take() {
		sum.Merge(one.content)
	}
	return sum
}

func TestAMeterCountsWhatRequestsWereAnswered(t *testing.T) {
	m := testMeter()
	m.order(answered(decidedBy(3, 2, false, step{usage: Usage{Fuel: 500}, nanos: 70}), 5*time.Millisecond, nil))
	m.order(answered(decidedBy(3, 4, true, step{failure: "trap: x", outcome: outcomeSkipped}), time.Millisecond, nil))
	m.order(answered(decidedBy(3, 4, true, step{failure: breakerOpen}), time.Millisecond, &Error{Code: CodeMechanicFailed}))
	m.order(answered(decidedBy(3, 2, false, step{}), time.Millisecond, &Error{Code: CodeDenied, Reason: "late"}))
	m.order(answered(nil, time.Millisecond, &Error{Code: CodeSoldOut}))
	m.order(answered(nil, time.Millisecond, errors.New("defect")))
	again := answered(decidedBy(3, 2, false, step{}), time.Millisecond, nil)
	again.replayed = true
	m.order(again)
	m.reserved("")
	m.reserved(CodeNotInPhase)
	m.paid(70)
	m.paid(20)
	sum := m.all()
	if sum.Orders != 2 || sum.Replayed != 1 || sum.Reservations != 1 || sum.Unreserved[CodeNotInPhase] != 1 ||
		sum.Paid != 2 || sum.PaidTotal != 90 || sum.Latency.Count() != 7 {
		t.Errorf("counted %s", sum.text())
	}
	want := map[Code]int64{CodeMechanicFailed: 1, CodeDenied: 1, CodeSoldOut: 1, CodeInternal: 1}
	if fmt.Sprint(sum.Refusals) != fmt.Sprint(want) || sum.Denied["late"] != 1 {
		t.Errorf("refused %v, denied %v", sum.Refusals, sum.Denied)
	}
	live, canary := sum.arm(3, 2, false), sum.arm(3, 4, true)
	if live.Decided != 2 || live.Orders != 1 || live.List != 100 || live.Total != 90 || live.Discount != 10 || live.Denied["late"] != 1 {
		t.Errorf("the live ruleset %+v", live)
	}
	if b := live.Bindings[0]; b.Asked != 2 || b.Burned != 500 || b.Timed != 1 || b.Nanos != 70 || b.Mechanic != "flash" {
		t.Errorf("its binding %+v", b)
	}
	if b := canary.Bindings[0]; canary.Failed != 1 ||
		b.Asked != 1 || b.Failed != 1 || b.Open != 1 || canary.Refusals[CodeMechanicFailed] != 1 {
		t.Errorf("the canary %+v, its binding %+v", canary, b)
	}
	if len(m.take()) != 0 {
		t.Error("what was taken is still there")
	}
}

func TestASecondIsThatOfTheAnswer(t *testing.T) {
	m := testMeter()
	for _, took := range []time.Duration{1500 * time.Millisecond, 999 * time.Millisecond, 2 * time.Second, 0, 1999 * time.Millisecond} {
		m.order(answered(nil, took, &Error{Code: CodeSoldOut}))
	}
	counted := map[int64]int64{}
	for _, one := range m.take() {
		counted[one.second] += one.content.Refusals[CodeSoldOut]
	}
	if want := map[int64]int64{1000: 2, 1001: 2, 1002: 1}; fmt.Sprint(counted) != fmt.Sprint(want) {
		t.Errorf("counted %v, want %v", counted, want)
	}
}

func TestMechanicsThatMakeUpReasonsAreCountedTogether(t *testing.T) {
	m := testMeter()
	m.shares = m.shares[:1]
	for i := range 1000 {
		m.order(answered(nil, 0, &Error{Code: CodeDenied, Reason: fmt.Sprint("reason ", i)}))
	}
	sum := m.all()
	if len(sum.Denied) != maxReasons+1 || sum.Denied[otherReasons] != 1000-maxReasons || sum.Refusals[CodeDenied] != 1000 {
		t.Errorf("%d reasons, %d others", len(sum.Denied), sum.Denied[otherReasons])
	}
}

// TestNothingIsCountedTwiceOrLost counts on many goroutines while another one takes.
func TestNothingIsCountedTwiceOrLost(t *testing.T) {
	const workers, each = 8, 2000
	m, sum := testMeter(), &SampleContent{}
	var counting sync.WaitGroup
	for w := range workers {
		counting.Go(func() {
			q := decidedBy(1, 1, w%2 == 0, step{usage: Usage{Fuel: 3}})
			for i := range each {
				m.order(answered(q, time.Duration(i%3000)*time.Millisecond, nil))
				m.reserved("")
				m.paid(2)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		counting.Wait()
		close(done)
	}()
	for taking := true; taking; {
		select {
		case <-done:
			taking = false
		default:
		}
		for _, one := range m.take() {
			sum.Merge(one.content)
		}
	}
	const all = workers * each
	if sum.Orders != all || sum.Reservations != all || sum.PaidTotal != 2*all || sum.Latency.Count() != all ||
		sum.arm(1, 1, true).Bindings[0].Burned+sum.arm(1, 1, false).Bindings[0].Burned != 3*all {
		t.Errorf("counted %s", sum.text())
	}
}

// TestSamplesAddUpInAnyOrder merges the same samples in two orders, one of them by way of what is written down.
func TestSamplesAddUpInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOfN(rapid.Custom(drawSample), 1, 6).Draw(t, "samples")
		var one, two SampleContent
		for i := range samples {
			one.Merge(samples[i])
			two.Merge(samples[len(samples)-1-i])
		}
		w := &Window{Seconds: []*WindowSecond{{Second: 1, SampleContent: one}}}
		other := &Window{Seconds: []*WindowSecond{{Second: 1, SampleContent: two}}}
		for _, canary := range []bool{false, true} {
			a, b := w.arm(0, 1, canary), other.arm(0, 1, canary)
			if a.Decided != b.Decided || a.Total != b.Total || a.Fuel.Count() != b.Fuel.Count() || len(a.Refusals) != len(b.Refusals) {
				t.Fatalf("%+v and %+v", a, b)
			}
		}
		if one.Orders != two.Orders || fmt.Sprint(one.Left) != fmt.Sprint(two.Left) || fmt.Sprint(one.Refusals) != fmt.Sprint(two.Refusals) {
			t.Fatalf("%s and %s", one.text(), two.text())
		}
	})
}

func drawSample(t *rapid.T) *SampleContent {
	m := testMeter()
	for range rapid.IntRange(0, 5).Draw(t, "requests") {
		q := decidedBy(rapid.Int64Range(1, 2).Draw(t, "rollout"), 1, rapid.Bool().Draw(t, "canary"), step{})
		var err error
		if rapid.Bool().Draw(t, "refused") {
			err = &Error{Code: CodeSoldOut}
		}
		m.order(answered(q, 0, err))
	}
	sum := m.all()
	for _, key := range []string{"a", "b"} {
		sum.sight(key, Sighted{Remaining: rapid.Int64Range(0, 3).Draw(t, "left"), At: rapid.Int64Range(0, 3).Draw(t, "at")})
	}
	return sum
}

// TestAWindowTellsArmsApart asks for arms by rollout, second and whether they are the canary's.
func TestAWindowTellsArmsApart(t *testing.T) {
	second := func(at int64, arms ...*ArmSample) *WindowSecond {
		return &WindowSecond{Second: at, SampleContent: SampleContent{Arms: arms}}
	}
	arm := func(rollout, ruleset int64, canary bool, decided int64) *ArmSample {
		return &ArmSample{
			Rollout: rollout, Ruleset: ruleset, Canary: canary, Decided: decided, Bindings: []*BindingSample{{Asked: decided}},
		}
	}
	w := &Window{Seconds: []*WindowSecond{
		second(1, arm(1, 1, false, 1), arm(1, 2, true, 10)), second(2, arm(1, 1, false, 100), arm(2, 2, false, 1000)),
		second(3, arm(2, 2, false, 10_000)),
	}}
	for _, tt := range []struct {
		name          string
		from, rollout int64
		canary        bool
		want, asked   int64
		ruleset       int64
	}{
		{"everything live, but only the latest ruleset's bindings", 0, 0, false, 11_101, 11_000, 2},
		{"since a rollout, also within the second of the swap", 0, 2, false, 11_000, 11_000, 2},
		{"since a second", 3, 0, false, 10_000, 10_000, 2},
		{"the canary", 0, 1, true, 10, 10, 2},
		{"nothing", 4, 0, false, 0, 0, 0},
	} {
		sum := w.arm(tt.from, tt.rollout, tt.canary)
		asked := int64(0)
		for _, b := range sum.Bindings {
			asked += b.Asked
		}
		if sum.Decided != tt.want || asked != tt.asked || sum.Ruleset != tt.ruleset {
			t.Errorf("%s: %d decided by ruleset %d, %d asked", tt.name, sum.Decided, sum.Ruleset, asked)
		}
	}
}

func TestCountingAnOrderAllocatesNothing(t *testing.T) {
	m := testMeter()
	for name, seen := range map[string]*observed{
		"an order":            answered(decidedBy(1, 1, false, step{usage: Usage{Fuel: 900}}), 3*time.Millisecond, nil),
		"a refusal":           answered(nil, time.Millisecond, &Error{Code: CodeSoldOut}),
		"a mechanic's denial": answered(decidedBy(1, 1, true, step{}), time.Millisecond, &Error{Code: CodeDenied, Reason: "late"}),
	} {
		for range 200 {
			m.order(seen) // the second has begun in every share
		}
		if n := testing.AllocsPerRun(1000, func() { m.order(seen) }); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkMeter(b *testing.B) {
	for name, seen := range map[string]*observed{
		"order":    answered(decidedBy(1, 1, false, step{usage: Usage{Fuel: 900}}), 3*time.Millisecond, nil),
		"sold_out": answered(nil, time.Millisecond, &Error{Code: CodeSoldOut}),
		"denied":   answered(decidedBy(1, 1, false, step{}), time.Millisecond, &Error{Code: CodeDenied, Reason: "late"}),
	} {
		b.Run(name, func(b *testing.B) {
			m := testMeter()
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					m.order(seen)
				}
			})
		})
	}
}
