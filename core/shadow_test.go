package core_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
)

// journaled starts one more node that writes down what it counts.
func (d *drop) journaled(m mechanics, id string) *core.Engine {
	d.t.Helper()
	e := core.NewEngine(core.Options{
		Store: d.store, Campaigns: d.store, Ledger: d.store, Journal: d.store.(core.Journal), //nolint:errcheck // both stores are
		Compiler: m, NodeID: id, Now: d.clock.now, Log: slog.New(slog.DiscardHandler),
	})
	must(d.t, e.Start(d.t.Context()))
	d.t.Cleanup(e.Stop)
	return e
}

// trialMechanics are two prices, and what a candidate does wrong.
func trialMechanics() mechanics {
	return mechanics{
		"live": func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			if f.Shopper.Tier == "banned" {
				return append(effects, core.Effect{Kind: core.EffectDeny, Name: "banned"}), nil
			}
			return append(effects, core.Effect{Kind: core.EffectPrice, Amount: 100_000}), nil
		},
		"candidate": func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			switch f.Shopper.Tier {
			case "gold":
				return append(effects, core.Effect{Kind: core.EffectPrice, Amount: 90_000}), nil
			case "tin":
				return append(effects, core.Effect{Kind: core.EffectPrice, Amount: 110_000}), nil
			case "lead":
				return append(effects, core.Effect{Kind: core.EffectDeny, Name: "too_heavy", Text: core.Text{EN: "No"}}), nil
			case "glass":
				return effects, &core.MechanicError{Code: "failed", Message: "broken"}
			case "bomb":
				panic("boom")
			default:
				return append(effects, core.Effect{Kind: core.EffectPrice, Amount: 100_000}), nil
			}
		},
	}
}

// newTrial starts a drop that sells by the mechanic live, on a node that writes down what it counts.
func newTrial(t *testing.T, s store) *drop {
	t.Helper()
	d := newDrop(t, s, trialMechanics(), func(c *core.Campaign) {
		c.Items[0].Stock, c.Items[0].Limit = 1000, 0
		c.Ruleset = []core.Binding{{Mechanic: "live"}}
	})
	d.Stop()
	d.Engine = d.journaled(trialMechanics(), "one")
	return d
}

// request asks for an order of a shopper of the tier.
func (d *drop) request(node *core.Engine, shopper, tier string, tags ...string) (*core.Order, error) {
	req := buy(shopper, "k-"+shopper)
	req.Shopper.Tier, req.Shopper.Tags = tier, tags
	o, _, err := node.Place(context.Background(), req)
	return o, err
}

// shadowOf waits until the shadow has looked at that many decisions.
func (d *drop) shadowOf(node *core.Engine, decisions int64) *core.Comparison {
	d.t.Helper()
	for d.t.Context().Err() == nil {
		report, err := node.ShadowReport(d.t.Context(), "phone", operator)
		must(d.t, err)
		if report.Decisions+report.Dropped >= decisions {
			return report
		}
		runtime.Gosched()
	}
	d.t.Fatal("the shadow has not decided")
	return nil
}

func TestAShadowSaysWhatItWouldHaveDecidedOnAllNodes(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newTrial(t, s)
		candidate := d.add(core.Binding{Mechanic: "candidate"})
		d.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: candidate})
		other := d.journaled(trialMechanics(), "two")
		orders := map[string]*core.Order{}
		for i, tier := range []string{"", "gold", "gold", "tin", "lead", "glass"} {
			o, err := d.request([]*core.Engine{d.Engine, other}[i%2], fmt.Sprintf("s%d", i), tier)
			must(t, err)
			if o.Total != 100_000 {
				t.Errorf("the shadow decided an order: %d", o.Total)
			}
			orders[o.ID] = o
		}
		_, err := d.request(d.Engine, "s6", "banned")
		wantCode(t, err, core.CodeDenied)
		d.shadowOf(other, 3)
		other.Stop()
		r := d.shadowOf(d.Engine, 7)
		if r.Nodes != 2 || r.Ruleset != candidate || r.Decisions != 7 || r.Refusals != 1 || r.Dropped != 0 || r.Failure != "" {
			t.Errorf("%+v", r)
		}
		if r.Differing != 6 || r.Both != 4 || r.Winners != 2 || r.Losers != 1 || r.NewlyDenied != 2 || r.NewlyAllowed != 1 ||
			r.Won != 20_000 || r.Lost != 10_000 || !slices.Equal(r.Recorded, []core.ComparedRuleset{{Ruleset: 1, Decisions: 7}}) {
			t.Errorf("%+v", r)
		}
		live := core.ComparedSide{Orders: 6, Denied: 1, Money: 400_000, PerOrder: 100_000, Discount: 599_400}
		trial := core.ComparedSide{Orders: 5, Denied: 1, Failed: 1, Errors: 1, Money: 390_000, PerOrder: 97_500, Discount: 509_500}
		if r.Live != live || r.Candidate != trial {
			t.Errorf("live %+v, candidate %+v", r.Live, r.Candidate)
		}
		checkCases(t, r, orders)
	})
}

// checkCases requires that every case is explained on both sides as it was decided.
func checkCases(t *testing.T, r *core.Comparison, orders map[string]*core.Order) {
	t.Helper()
	if len(r.Cases) != 6 || r.Cases[0].Kind != core.CasePrice || r.Cases[1].Kind != core.CaseNewlyDenied {
		t.Fatalf("cases %+v", r.Cases)
	}
	for _, one := range r.Cases {
		for name, side := range map[string]core.ComparedDecision{"live": one.Live, "candidate": one.Candidate} {
			x := side.Explanation
			if x == nil || !x.Reproduced || x.Total != side.Total || len(x.Bindings) != 1 || x.Ruleset != side.Ruleset || x.Bindings[0].Micros != 0 {
				t.Fatalf("%s of %s is explained by %+v", name, one.Kind, x)
			}
			if (x.Refusal != nil) != (side.Code != "") {
				t.Errorf("%s of %s: refused by %+v, was %q", name, one.Kind, x.Refusal, side.Code)
			}
		}
		if o := orders[one.Order]; o != nil && (one.Live.Total != o.Total || one.At != o.PlacedAt) {
			t.Errorf("a case of %d at %d, the order %d at %d", one.Live.Total, one.At, o.Total, o.PlacedAt)
		}
	}
}

func TestAShadowThatCannotDecideSaysWhyAndHarmsNobody(t *testing.T) {
	d := newTrial(t, sqliteStore(t))
	d.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: d.add(core.Binding{Mechanic: "candidate"})})
	for i, tier := range []string{"bomb", "gold"} {
		_, err := d.request(d.Engine, fmt.Sprintf("s%d", i), tier)
		must(t, err)
	}
	r := d.shadowOf(d.Engine, 2)
	if r.Dropped != 1 || r.Decisions != 1 || !strings.Contains(r.Failure, "boom") {
		t.Errorf("%+v", r)
	}
}

func TestAShadowEndsWithTheRolloutThatHasIt(t *testing.T) {
	d := newTrial(t, sqliteStore(t))
	_, err := d.ShadowReport(t.Context(), "phone", operator)
	wantCode(t, err, core.CodeNotFound)
	number := d.add(core.Binding{Mechanic: "candidate"})
	d.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: number})
	_, err = d.request(d.Engine, "ann", "gold")
	must(t, err)
	first := d.shadowOf(d.Engine, 1)
	d.mustChange(core.Change{Mode: core.ModeAbort})
	_, err = d.ShadowReport(t.Context(), "phone", operator)
	wantCode(t, err, core.CodeNotFound)
	_, err = d.request(d.Engine, "bob", "gold")
	must(t, err)
	d.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: number})
	again := d.shadowOf(d.Engine, 0)
	if again.Decisions != 0 || again.Since <= first.Since {
		t.Errorf("the second shadow begins with %+v", again)
	}
	_, err = d.request(d.Engine, "cid", "gold")
	must(t, err)
	if r := d.shadowOf(d.Engine, 1); r.Winners != 1 {
		t.Errorf("%+v", r)
	}
}

func TestANodeThatStartsAgainGoesOnWithWhatItHadCompared(t *testing.T) {
	d := newTrial(t, sqliteStore(t))
	d.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: d.add(core.Binding{Mechanic: "candidate"})})
	_, err := d.request(d.Engine, "ann", "gold")
	must(t, err)
	d.shadowOf(d.Engine, 1)
	d.Stop()
	again := d.journaled(trialMechanics(), "one")
	if r := d.shadowOf(again, 1); r.Winners != 1 || r.Nodes != 1 {
		t.Errorf("before any decision: %+v", r)
	}
	_, err = d.request(again, "bob", "gold")
	must(t, err)
	if r := d.shadowOf(again, 2); r.Winners != 2 || r.Nodes != 1 {
		t.Errorf("%+v", r)
	}
}

func TestReportsAreForTheBrandsStaff(t *testing.T) {
	d := newTrial(t, sqliteStore(t))
	number := d.add(core.Binding{Mechanic: "candidate"})
	d.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: number})
	d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: number, Percent: 5})
	for name, tt := range map[string]struct {
		who  core.Principal
		want core.Code
	}{
		"an operator":   {operator, ""},
		"the brand":     {core.Principal{ID: "b", Role: core.RoleBrand, Brand: "xiaomi"}, ""},
		"another brand": {core.Principal{ID: "b", Role: core.RoleBrand, Brand: "meizu"}, core.CodeNotFound},
		"a shopper":     {core.Principal{ID: "ann", Role: core.RoleShopper}, core.CodeNotFound},
	} {
		_, err := d.ShadowReport(t.Context(), "phone", tt.who)
		wantCode(t, err, tt.want)
		_, err = d.CanaryReport(t.Context(), "phone", tt.who)
		wantCode(t, err, tt.want)
		_, err = d.Backtest(t.Context(), core.BacktestRequest{Campaign: "phone", Ruleset: number, Staff: tt.who})
		wantCode(t, err, tt.want)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}
