package core_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

func operatorCalled(id string) core.Principal { return core.Principal{ID: id, Role: core.RoleOperator} }

// add stores a ruleset of one mechanic and returns its number.
func (d *drop) add(bindings ...core.Binding) int64 {
	d.t.Helper()
	ruleset, err := d.AddRuleset(context.Background(), core.RulesetRequest{
		Campaign: "phone", Bindings: bindings, Reason: "test", Actor: operatorCalled("op"),
	})
	must(d.t, err)
	return ruleset.Number
}

// rollout is the one in force.
func (d *drop) rollout() core.Rollout {
	d.t.Helper()
	record, err := d.Record(context.Background(), "phone")
	must(d.t, err)
	return record.Rollout
}

// change asks for a change of the rollout in force.
func (d *drop) change(c core.Change) (*core.Swapped, error) {
	d.t.Helper()
	return d.ChangeRollout(context.Background(), core.RolloutRequest{
		Campaign: "phone", Change: c, Expect: d.rollout().Number, Reason: "test", Actor: operatorCalled("op"),
	})
}

func (d *drop) mustChange(c core.Change) *core.Swapped {
	d.t.Helper()
	swapped, err := d.change(c)
	must(d.t, err)
	return swapped
}

func (d *drop) undo() (*core.Swapped, error) {
	return d.Undo(context.Background(), core.UndoRequest{Campaign: "phone", Reason: "test", Actor: operatorCalled("op")})
}

func (d *drop) stop(level core.Stop) {
	d.t.Helper()
	_, err := d.StopCampaign(context.Background(), core.StopRequest{
		Campaign: "phone", Level: level, Reason: "test", Actor: operatorCalled("op"),
	})
	must(d.t, err)
}

// prices are rulesets of one mechanic each, which gives the price that its name says.
func prices() mechanics {
	return mechanics{"p100": priceOf(100), "p200": priceOf(200), "p300": priceOf(300), "p150": priceOf(150)}
}

func at100(c *core.Campaign) {
	c.Ruleset = []core.Binding{{Mechanic: "p100"}}
	c.Items[0].Stock = 1000
}

func TestARulesetDecidesFromItsSwapOnAndUndoGoesBack(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		other := d.node(prices(), nil)
		if n := d.add(core.Binding{Mechanic: "p200"}); n != 2 {
			t.Fatalf("the second ruleset is number %d", n)
		}
		third := d.add(core.Binding{Mechanic: "p300"})
		if o := d.place("before"); o.Total != 100 {
			t.Errorf("before the swap it costs %d", o.Total)
		}
		swapped := d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: 2})
		if swapped.Rollout.Live != 2 || swapped.Rollout.LastGood != 1 || swapped.Rollout.Number != 2 {
			t.Errorf("the rollout is %+v", swapped.Rollout)
		}
		d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: third})
		for i, want := range []int64{300, 200, 100} {
			o, _, err := other.Place(t.Context(), buy(fmt.Sprint("s", i), "k"))
			must(t, err)
			if o.Total != want {
				t.Errorf("order %d costs %d, want %d", i, o.Total, want)
			}
			if _, err := d.undo(); i < 2 {
				must(t, err)
			} else {
				wantCode(t, err, core.CodeWrongState)
			}
		}
		record, err := d.Record(t.Context(), "phone")
		must(t, err)
		if got := record.Definition.Ruleset[0].Mechanic; got != "p100" || record.Ruleset.Number != 1 || record.Rulesets != 3 {
			t.Errorf("the file names %s, ruleset %d of %d", got, record.Ruleset.Number, record.Rulesets)
		}
		d.audit()
	})
}

func TestAChangeOfARolloutIsRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		d.add(core.Binding{Mechanic: "p200"})
		for _, tt := range []struct {
			name   string
			change core.Change
			at     time.Duration
			want   core.Code
		}{
			{"of no mode", core.Change{Ruleset: 2}, 0, core.CodeInvalid},
			{"of no ruleset", core.Change{Mode: core.ModeLive}, 0, core.CodeInvalid},
			{"of a ruleset that is not there", core.Change{Mode: core.ModeLive, Ruleset: 3}, 0, core.CodeNotFound},
			{"with a percentage of a live ruleset", core.Change{Mode: core.ModeLive, Ruleset: 2, Percent: 5}, 0, core.CodeInvalid},
			{"to a canary for nobody", core.Change{Mode: core.ModeCanary, Ruleset: 2}, 0, core.CodeInvalid},
			{"to a canary for everybody", core.Change{Mode: core.ModeCanary, Ruleset: 2, Percent: 100}, 0, core.CodeInvalid},
			{"to a canary by both", core.Change{Mode: core.ModeCanary, Ruleset: 2, Percent: 5, Tag: "vip"}, 0, core.CodeInvalid},
			{"to a canary of the live ruleset", core.Change{Mode: core.ModeCanary, Ruleset: 1, Percent: 5}, 0, core.CodeWrongState},
			{"of the holds of a shadow", core.Change{Mode: core.ModeShadow, Ruleset: 2, Holds: core.HoldsDrain}, 0, core.CodeInvalid},
			{"with holds that there are not", core.Change{Mode: core.ModeLive, Ruleset: 2, Holds: "drop"}, 0, core.CodeInvalid},
			{"in the past", core.Change{Mode: core.ModeLive, Ruleset: 2}, -time.Second, core.CodeInvalid},
			{"that aborts nothing", core.Change{Mode: core.ModeAbort}, 0, core.CodeWrongState},
			{"that aborts a ruleset", core.Change{Mode: core.ModeAbort, Ruleset: 2}, 0, core.CodeInvalid},
		} {
			req := core.RolloutRequest{Campaign: "phone", Change: tt.change, Expect: 1, Reason: "test", Actor: operatorCalled("op")}
			if tt.at != 0 {
				req.At = d.clock.now().Add(tt.at).UnixMilli()
			}
			if _, err := d.ChangeRollout(t.Context(), req); core.CodeOf(err) != tt.want {
				t.Errorf("a change %s: %v, want %s", tt.name, err, tt.want)
			}
		}
		good := core.RolloutRequest{
			Campaign: "phone", Change: core.Change{Mode: core.ModeLive, Ruleset: 2}, Expect: 1, Reason: "test", Actor: operatorCalled("op"),
		}
		for name, spoil := range map[string]func(r *core.RolloutRequest) core.Code{
			"without a reason":    func(r *core.RolloutRequest) core.Code { r.Reason = ""; return core.CodeInvalid },
			"of another rollout":  func(r *core.RolloutRequest) core.Code { r.Expect = 2; return core.CodePreconditionFailed },
			"by another brand":    func(r *core.RolloutRequest) core.Code { r.Actor.Brand = "meizu"; return core.CodeNotFound },
			"by a shopper":        func(r *core.RolloutRequest) core.Code { r.Actor.Role = core.RoleShopper; return core.CodeNotFound },
			"of no such campaign": func(r *core.RolloutRequest) core.Code { r.Campaign = "none"; return core.CodeNotFound },
		} {
			req := good
			want := spoil(&req)
			if _, err := d.ChangeRollout(t.Context(), req); core.CodeOf(err) != want {
				t.Errorf("a change %s: %v, want %s", name, err, want)
			}
		}
		if r := d.rollout(); r.Number != 1 || r.Live != 1 {
			t.Errorf("what was refused changed the rollout: %+v", r)
		}
	})
}

func TestARulesetThatDoesNotCompileGetsNoNumber(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		_, err := d.AddRuleset(t.Context(), core.RulesetRequest{
			Campaign: "phone", Bindings: []core.Binding{{Mechanic: "p100"}, {Mechanic: "none"}}, Reason: "test", Actor: operatorCalled("op"),
		})
		wantCode(t, err, core.CodeInvalid)
		if n := d.add(core.Binding{Mechanic: "p200"}); n != 2 {
			t.Errorf("the next one is number %d", n)
		}
	})
}

func TestACanaryDecidesForTheSameShoppersAndALargerOneForMore(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		d.add(core.Binding{Mechanic: "p200"})
		chosen := func() (all []int) {
			for i := range 300 {
				q, err := d.Quote(t.Context(), buy(fmt.Sprint("shopper", i), ""))
				must(t, err)
				if q.Total == 200 {
					all = append(all, i)
				}
				if (q.Total == 200) != (q.Ruleset == 2) {
					t.Fatalf("ruleset %d costs %d", q.Ruleset, q.Total)
				}
			}
			return all
		}
		d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: 2, Percent: 10})
		few := chosen()
		if len(few) < 12 || len(few) > 55 {
			t.Errorf("10 %% of 300 shoppers are %d", len(few))
		}
		since := d.rollout().Canary.Since
		d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: 2, Percent: 50})
		more := chosen()
		for _, i := range few {
			if !slices.Contains(more, i) {
				t.Errorf("shopper %d was in the small canary and is not in the large one", i)
			}
		}
		if len(more) < 110 || len(more) > 190 || d.rollout().Canary.Since != since {
			t.Errorf("50 %% of 300 shoppers are %d, since %d", len(more), d.rollout().Canary.Since)
		}
		d.mustChange(core.Change{Mode: core.ModeAbort})
		if left := chosen(); len(left) != 0 || d.rollout().Canary != nil {
			t.Errorf("after the abort it decides for %d", len(left))
		}
		_, err := d.undo()
		must(t, err)
		if again := chosen(); !slices.Equal(again, more) {
			t.Errorf("after the undo it decides for %d others", len(again))
		}
		d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: 2})
		if all := chosen(); len(all) != 300 || d.rollout().Canary != nil {
			t.Errorf("promoted, it decides for %d", len(all))
		}
	})
}

func TestACanaryByTagDecidesForThoseWhoHaveIt(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		d.add(core.Binding{Mechanic: "p200"})
		d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: 2, Tag: "vip"})
		for shopper, want := range map[string]int64{"ann": 200, "bob": 100} {
			req := buy(shopper, "k")
			if shopper == "ann" {
				req.Shopper.Tags = []string{"vip"}
			}
			o, _, err := d.Place(t.Context(), req)
			must(t, err)
			if o.Total != want {
				t.Errorf("%s pays %d, want %d", shopper, o.Total, want)
			}
		}
		_, err := d.apply(d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "p300"}} }))
		wantCode(t, err, core.CodeWrongState)
		_, err = d.apply(d.with(func(c *core.Campaign) { c.Items[0].Stock = 2000 }))
		must(t, err)
		if r := d.rollout(); r.Canary == nil || r.Number != 2 {
			t.Errorf("more stock made the rollout %+v", r)
		}
	})
}

func TestAShadowAndAWaitingChangeFenceNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		d.add(core.Binding{Mechanic: "p200"})
		epoch := func() int64 {
			record, err := d.Record(t.Context(), "phone")
			must(t, err)
			return record.Epoch
		}
		before := epoch()
		d.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: 2})
		if r := d.rollout(); r.Shadow == nil || r.Shadow.Ruleset != 2 || r.Shadow.Since != 2 || epoch() != before {
			t.Errorf("the rollout is %+v, the epoch %d", r, epoch())
		}
		if o := d.place("ann"); o.Total != 100 {
			t.Errorf("beside a shadow it costs %d", o.Total)
		}
		req := core.RolloutRequest{
			Campaign: "phone", Change: core.Change{Mode: core.ModeLive, Ruleset: 2}, Expect: 2, Reason: "noon", Actor: operatorCalled("op"),
			At: d.clock.now().Add(time.Hour).UnixMilli(),
		}
		_, err := d.ChangeRollout(t.Context(), req)
		must(t, err)
		if r := d.rollout(); r.Pending == nil || r.Live != 1 || r.Action != core.ActionPropose || epoch() != before {
			t.Errorf("the rollout is %+v, the epoch %d", r, epoch())
		}
		_, err = d.undo()
		must(t, err)
		if r := d.rollout(); r.Pending != nil || r.Shadow == nil {
			t.Errorf("after the undo of what waits the rollout is %+v", r)
		}
	})
}

func TestEachStopDoesWhatItSays(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), func(c *core.Campaign) {
			at100(c)
			c.Phases.Reservation = opening.Add(-2 * time.Hour)
		})
		held := d.place("held")
		_, err := d.TopUp(t.Context(), core.TopUp{Shopper: "held", Currency: "CNY", Amount: 1_000_000, Key: "k"})
		must(t, err)

		d.stop(core.StopMechanics)
		if o := d.place("base"); o.Total != 199_900 {
			t.Errorf("with mechanics off it costs %d", o.Total)
		}
		d.stop(core.StopCampaign)
		_, _, err = d.Place(t.Context(), buy("late", "k"))
		wantCode(t, err, core.CodeStopped)
		_, err = d.Quote(t.Context(), buy("late", ""))
		wantCode(t, err, core.CodeStopped)
		_, err = d.Pay(t.Context(), core.OrderAction{Order: held.ID, Shopper: "held", Key: "k"})
		must(t, err)

		d.stop(core.StopReservations)
		if o := d.place("again"); o.Total != 100 {
			t.Errorf("with reservations stopped it costs %d", o.Total)
		}
		d.clock.advance(-time.Hour)
		_, _, err = d.Reserve(t.Context(), "phone", core.Principal{ID: "rae", Role: core.RoleShopper}, "")
		wantCode(t, err, core.CodeStopped)
		d.stop(core.StopNothing)
		_, _, err = d.Reserve(t.Context(), "phone", core.Principal{ID: "rae", Role: core.RoleShopper}, "")
		must(t, err)
		d.stop(core.StopReservations)
		_, err = d.undo()
		wantCode(t, err, core.CodeWrongState)
		d.audit()
	})
}

// TestAStopWorksWhenTheRulesetDoesNot has a node whose program lacks the mechanic that is live.
func TestAStopWorksWhenTheRulesetDoesNot(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		lacking := d.node(mechanics{}, nil)
		_, _, err := lacking.Place(t.Context(), buy("ann", "k"))
		wantCode(t, err, core.CodeUnavailable)
		_, err = lacking.StopCampaign(t.Context(), core.StopRequest{
			Campaign: "phone", Level: core.StopMechanics, Reason: "broken", Actor: operatorCalled("op"),
		})
		must(t, err)
		o, _, err := lacking.Place(t.Context(), buy("ann", "k"))
		must(t, err)
		if o.Total != 199_900 {
			t.Errorf("it costs %d", o.Total)
		}
		if x, err := d.Explain(t.Context(), o.ID, operatorCalled("op")); err != nil || !x.Reproduced || x.Ruleset != 0 {
			t.Errorf("explained %+v, %v", x, err)
		}
	})
}

// TestWhatWasLastGoodIsWhatWasLive has three rulesets, of which the second never was.
func TestWhatWasLastGoodIsWhatWasLive(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		m := prices()
		m["failing"] = func(*core.Facts, []core.Effect) ([]core.Effect, error) {
			return nil, &core.MechanicError{Code: "trap", Message: "always"}
		}
		d := newDrop(t, s, m, at100)
		d.add(core.Binding{Mechanic: "p300"})
		third := d.add(core.Binding{Mechanic: "failing", OnFailure: core.FailLastGood})
		d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: third})
		o := d.place("ann")
		if o.Total != 100 || !strings.Contains(string(o.Quote), `"last_good":1,"ruleset":3`) {
			t.Errorf("it costs %d by %s", o.Total, o.Quote)
		}
		d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: 2})
		x, err := d.node(m, nil).Explain(t.Context(), o.ID, operatorCalled("op"))
		must(t, err)
		if !x.Reproduced || !x.Bindings[0].LastGood {
			t.Errorf("explained %+v", x)
		}
	})
}

func TestTheHistoryTellsWhoChangedWhatAndWhy(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		d.add(core.Binding{Mechanic: "p200"})
		d.place("ann")
		d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: 2})
		d.place("bob")
		_, err := d.undo()
		must(t, err)
		history, err := d.RolloutHistory(t.Context(), "phone", 0, 10, operatorCalled("op"))
		must(t, err)
		var told []string
		for _, e := range history {
			told = append(told, fmt.Sprintf("%s v%d by %s after %d orders", e.Rollout.Action, e.Rollout.Live, e.Rollout.By, e.Orders))
		}
		want := []string{"undo v1 by op after 2 orders", "live v2 by op after 1 orders", "apply v1 by op after 0 orders"}
		if !slices.Equal(told, want) {
			t.Errorf("the history is %q", told)
		}
		_, err = d.RolloutHistory(t.Context(), "phone", 0, 10, core.Principal{ID: "b", Role: core.RoleBrand, Brand: "meizu"})
		wantCode(t, err, core.CodeNotFound)
	})
}
