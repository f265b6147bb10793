package core_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"hotdrop/core"
)

func (d *drop) backtest(change func(*core.BacktestRequest)) (*core.Comparison, error) {
	req := core.BacktestRequest{Campaign: "phone", Bindings: []core.Binding{{Mechanic: "candidate"}}, Staff: operator}
	change(&req)
	return d.Backtest(context.Background(), req)
}

func (d *drop) mustBacktest(change func(*core.BacktestRequest)) *core.Comparison {
	d.t.Helper()
	report, err := d.backtest(change)
	must(d.t, err)
	return report
}

// sold sells a second apart to shoppers of every tier.
func (d *drop) sold(orders int) []*core.Order {
	d.t.Helper()
	tiers := []string{"", "gold", "tin", "lead", "glass", ""}
	placed := make([]*core.Order, orders)
	for i := range placed {
		var err error
		placed[i], err = d.request(d.Engine, fmt.Sprintf("s%03d", i), tiers[i%len(tiers)])
		must(d.t, err)
		d.clock.advance(time.Second)
	}
	return placed
}

func TestABacktestSaysWhatACandidateWouldHaveMadeOfWhatWasDecided(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newTrial(t, s)
		orders := map[string]*core.Order{}
		for _, o := range d.sold(6) {
			orders[o.ID] = o
		}
		_, err := d.request(d.Engine, "banned", "banned")
		wantCode(t, err, core.CodeDenied)
		d.clock.advance(time.Second)
		d.Stop() // what is refused is written down
		d.Engine = d.journaled(trialMechanics(), "two")
		number := d.add(core.Binding{Mechanic: "candidate"})
		r := d.mustBacktest(func(r *core.BacktestRequest) { r.Ruleset, r.Bindings = number, nil })
		if r.Ruleset != number || r.Decisions != 7 || r.Refusals != 1 || r.Unread != 0 || r.Cut || r.Differing != 5 || r.Both != 4 {
			t.Errorf("%+v", r)
		}
		if r.Winners != 1 || r.Losers != 1 || r.NewlyDenied != 2 || r.NewlyAllowed != 1 || r.Candidate.Failed != 1 || r.Candidate.Errors != 1 {
			t.Errorf("%+v", r)
		}
		if r.Live.Money != 400_000 || r.Candidate.Money != 400_000 || r.Live.Discount != 599_400 || r.Candidate.Discount != 499_500 {
			t.Errorf("live %+v, candidate %+v", r.Live, r.Candidate)
		}
		for _, one := range r.Cases {
			if one.Live.Explanation == nil || !one.Live.Explanation.Reproduced || !one.Candidate.Explanation.Reproduced {
				t.Errorf("%s is explained by %+v and %+v", one.Kind, one.Live.Explanation, one.Candidate.Explanation)
			}
			if o := orders[one.Order]; o != nil && one.Live.Total != o.Total {
				t.Errorf("a case of %d, the order %d", one.Live.Total, o.Total)
			}
		}
		same := d.mustBacktest(func(r *core.BacktestRequest) { r.Ruleset, r.Bindings = 1, nil })
		if same.Differing != 0 || same.Decisions != 7 || same.Live != same.Candidate || len(same.Cases) != 0 {
			t.Errorf("the ruleset that decided decides otherwise: %+v", same)
		}
	})
}

func TestABacktestSaysTheSameHoweverManyWorkOnIt(t *testing.T) {
	d := newTrial(t, sqliteStore(t))
	d.sold(60)
	var first string
	for _, processors := range []int{1, 2, 7} {
		before := runtime.GOMAXPROCS(processors)
		text, err := json.Marshal(d.mustBacktest(func(*core.BacktestRequest) {}))
		runtime.GOMAXPROCS(before)
		must(t, err)
		if first == "" {
			first = string(text)
		}
		if string(text) != first {
			t.Errorf("with %d workers\n%s\nwith one\n%s", processors, text, first)
		}
	}
}

func TestABacktestKeepsToItsTimeAndItsLimit(t *testing.T) {
	d := newTrial(t, sqliteStore(t))
	orders := d.sold(10)
	at := func(i int) int64 { return orders[i].PlacedAt }
	for name, tt := range map[string]struct {
		change             func(*core.BacktestRequest)
		want, first, until int64
		cut                bool
	}{
		"everything":       {func(*core.BacktestRequest) {}, 10, at(0), at(9), false},
		"from a moment on": {func(r *core.BacktestRequest) { r.From = at(4) }, 6, at(4), at(9), false},
		"until a moment":   {func(r *core.BacktestRequest) { r.Until = at(4) }, 4, at(0), at(3), false},
		"between two":      {func(r *core.BacktestRequest) { r.From, r.Until = at(2), at(7) }, 5, at(2), at(6), false},
		"the first three":  {func(r *core.BacktestRequest) { r.Limit = 3 }, 3, at(0), at(2), true},
		"all of them":      {func(r *core.BacktestRequest) { r.Limit = 10 }, 10, at(0), at(9), false},
		"nothing":          {func(r *core.BacktestRequest) { r.From = at(9) + 1 }, 0, 0, 0, false},
	} {
		r := d.mustBacktest(tt.change)
		if r.Decisions != tt.want || r.From != tt.first || r.Until != tt.until || r.Cut != tt.cut {
			t.Errorf("%s: %d decisions from %d to %d, cut %v, want %+v", name, r.Decisions, r.From, r.Until, r.Cut, tt)
		}
	}
}

func TestABacktestIsDecidedByTheGuardrailsOfThen(t *testing.T) {
	d := newTrial(t, sqliteStore(t))
	d.sold(2)
	_, err := d.apply(d.with(func(c *core.Campaign) { c.Guardrails.MinPrice = 99_000 }))
	must(t, err)
	d.sold(2)
	r := d.mustBacktest(func(r *core.BacktestRequest) { r.Bindings = []core.Binding{{Mechanic: "candidate", Config: nil}} })
	if r.Won != 10_000 { // the one gold order of the first two; s001 comes again with the same key
		t.Errorf("%+v", r)
	}
}

func TestABacktestThatCannotBeIsRefused(t *testing.T) {
	d := newTrial(t, sqliteStore(t))
	for name, tt := range map[string]struct {
		change func(*core.BacktestRequest)
		want   core.Code
	}{
		"nothing to compare":        {func(r *core.BacktestRequest) { r.Bindings = nil }, core.CodeInvalid},
		"two things":                {func(r *core.BacktestRequest) { r.Ruleset = 1 }, core.CodeInvalid},
		"a ruleset that is none":    {func(r *core.BacktestRequest) { r.Ruleset, r.Bindings = 77, nil }, core.CodeNotFound},
		"a campaign that is none":   {func(r *core.BacktestRequest) { r.Campaign = "car" }, core.CodeNotFound},
		"a mechanic that is none":   {func(r *core.BacktestRequest) { r.Bindings[0].Mechanic = "nope" }, core.CodeInvalid},
		"a limit beyond all":        {func(r *core.BacktestRequest) { r.Limit = 1 << 30 }, core.CodeInvalid},
		"a time that runs backward": {func(r *core.BacktestRequest) { r.From, r.Until = 2, 1 }, core.CodeInvalid},
	} {
		_, err := d.backtest(tt.change)
		if core.CodeOf(err) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
		if _, ok := errors.AsType[*core.Problems](err); name == "a mechanic that is none" && !ok {
			t.Errorf("%s has no place: %v", name, err)
		}
	}
	alone := d.node(trialMechanics(), nil)
	_, err := alone.Backtest(t.Context(), core.BacktestRequest{Campaign: "phone", Ruleset: 1, Staff: operator})
	wantCode(t, err, core.CodeUnavailable)
}

func TestACampaignHasOneBacktestAtATime(t *testing.T) {
	began, goOn := make(chan struct{}, 1), make(chan struct{})
	m := trialMechanics()
	m["slow"] = func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
		select {
		case began <- struct{}{}:
		default:
		}
		<-goOn
		return effects, nil
	}
	d := newTrial(t, sqliteStore(t))
	d.sold(1)
	d.Stop()
	d.Engine = d.journaled(m, "two")
	// It is compiled, and asked about every item, before the recordings.
	first := make(chan error, 1)
	go func() {
		_, err := d.backtest(func(r *core.BacktestRequest) { r.Bindings[0].Mechanic = "slow" })
		first <- err
	}()
	<-began
	_, err := d.backtest(func(*core.BacktestRequest) {})
	wantCode(t, err, core.CodeOverloaded)
	close(goOn)
	must(t, <-first)
	d.mustBacktest(func(*core.BacktestRequest) {})
}

func TestABacktestEndsWithWhoAskedForIt(t *testing.T) {
	d := newTrial(t, sqliteStore(t))
	d.sold(3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := d.Backtest(ctx, core.BacktestRequest{Campaign: "phone", Ruleset: 1, Staff: operator})
	wantCode(t, err, core.CodeUnavailable)
}
