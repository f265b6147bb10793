package core_test

import (
	"testing"
	"time"

	"hotdrop/core"
)

// schedule asks for the ruleset to become live later.
func (d *drop) schedule(ruleset int64, in time.Duration) {
	d.t.Helper()
	_, err := d.ChangeRollout(d.t.Context(), core.RolloutRequest{
		Campaign: "phone", Change: core.Change{Mode: core.ModeLive, Ruleset: ruleset}, Expect: d.rollout().Number,
		At: d.clock.now().Add(in).UnixMilli(), Reason: "later", Actor: operatorCalled("op"),
	})
	must(d.t, err)
}

func TestAnUndoOfAScheduledSwapLeavesTheStopThatCameBetween(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		d.add(core.Binding{Mechanic: "p200"})
		d.schedule(2, time.Minute)
		d.stop(core.StopCampaign)
		d.clock.advance(2 * time.Minute)
		must(t, d.MakePending(t.Context(), "phone"))
		if r := d.rollout(); r.Live != 2 || r.Stop != core.StopCampaign {
			t.Fatalf("the rollout is %+v", r)
		}
		_, err := d.undo()
		must(t, err)
		if r := d.rollout(); r.Live != 1 || r.Stop != core.StopCampaign || r.Pending != nil {
			t.Errorf("undone, the rollout is %+v", r)
		}
		_, err = d.undo()
		wantCode(t, err, core.CodeWrongState)
	})
}

func TestACanaryAndAShadowBeginBesideWhatWaits(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		d.add(core.Binding{Mechanic: "p200"})
		d.add(core.Binding{Mechanic: "p300"})
		d.schedule(2, time.Minute)
		d.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: 3})
		d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: 3, Percent: 5})
		if r := d.rollout(); r.Pending == nil || r.Shadow == nil || r.Canary == nil {
			t.Errorf("the rollout is %+v", r)
		}
		d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: 2})
		if r := d.rollout(); r.Pending != nil || r.Live != 2 {
			t.Errorf("a swap by hand leaves %+v waiting", r.Pending)
		}
		_, err := d.change(core.Change{Mode: core.ModeLive, Ruleset: 2})
		wantCode(t, err, core.CodeWrongState)
	})
}

func TestAShadowEndsNoDrain(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		d.add(core.Binding{Mechanic: "p200"})
		d.add(core.Binding{Mechanic: "p300"})
		d.place("ann")
		d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: 2, Holds: core.HoldsDrain})
		d.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: 3})
		if r := d.rollout(); !r.Draining || r.Pending == nil {
			t.Errorf("the rollout is %+v", r)
		}
		_, _, err := d.Place(t.Context(), buy("bob", "k"))
		wantCode(t, err, core.CodeDraining)
	})
}

func TestWhomAForcedSwapKeepsOutAShadowDoesNotLetIn(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		d.add(core.Binding{Mechanic: "p200"})
		d.add(core.Binding{Mechanic: "p300"})
		d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: 2, Force: true})
		d.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: 3})
		if !d.rollout().Forced {
			t.Error("a shadow made the swap before it one that every node was ready for")
		}
		d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: 3})
		if d.rollout().Forced {
			t.Error("a swap that nobody forced counts as forced")
		}
	})
}

// TestWhatAnUndoRestoresIsCountedAnew has canaries and shadows come and go: what was counted of one before it ended is not
// about the time since it came back.
func TestWhatAnUndoRestoresIsCountedAnew(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		d.add(core.Binding{Mechanic: "p200"})
		d.add(core.Binding{Mechanic: "p300"})
		d.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: 2})
		d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: 2, Percent: 5})
		began := d.rollout()
		d.mustChange(core.Change{Mode: core.ModeAbort})
		_, err := d.undo()
		must(t, err)
		r := d.rollout()
		if r.Canary.Since != r.Number || r.Shadow.Since != r.Number {
			t.Errorf("rollout %d has the canary of %d and the shadow of %d", r.Number, r.Canary.Since, r.Shadow.Since)
		}
		if began.Canary.Since == r.Canary.Since {
			t.Error("the canary did not begin anew")
		}
		d.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: 3})
		d.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: 2})
		r = d.rollout()
		d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: 2, Percent: 6})
		_, err = d.undo()
		must(t, err)
		if after := d.rollout(); after.Canary.Since != r.Canary.Since || after.Shadow.Since != r.Shadow.Since {
			t.Errorf("what went on all the time begins anew: %+v", after)
		}
	})
}

// TestAnUndoAfterAStopGoesBackToTheGoodRuleset is what somebody does in a hurry: stop, then undo.
func TestAnUndoAfterAStopGoesBackToTheGoodRuleset(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		d.add(core.Binding{Mechanic: "p200"})
		d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: 2})
		d.stop(core.StopMechanics)
		_, err := d.undo()
		must(t, err)
		if r := d.rollout(); r.Live != 1 || r.Stop != core.StopMechanics {
			t.Errorf("undone, the rollout is %+v", r)
		}
		d.stop(core.StopNothing)
		if o := d.place("ann"); o.Total != 100 {
			t.Errorf("it costs %d", o.Total)
		}
	})
}

func TestAnUndoBringsBackNothingThatAGuardTookBack(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newJudged(t, s, core.Guards{SpendPerMinute: 10 * list / 2}, core.Binding{Mechanic: "list"})
		half := w.add(core.Binding{Mechanic: "half"})
		w.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: half})
		w.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: half, Percent: 50})
		w.follow()
		for canaries := 0; canaries < 11; canaries += w.halves(1) {
			continue
		}
		w.judge()
		if r := w.rollout(); r.Canary != nil || len(r.TakenBack) != 1 {
			t.Fatalf("the guard has not tripped: %+v", r)
		}
		_, err := w.undo()
		must(t, err)
		if r := w.rollout(); r.Canary != nil {
			t.Errorf("the undo brings back %+v", r.Canary)
		}
		w.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: half, Percent: 1})
		if r := w.rollout(); len(r.TakenBack) != 0 {
			t.Errorf("what somebody lets decide is still among %v", r.TakenBack)
		}
	})
}

func TestAnUndoLeavesWhatBreakersHaveSeen(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newJudged(t, s, core.Guards{}, core.Binding{Mechanic: "list"})
		w.live(core.Binding{Mechanic: "faulty", OnFailure: core.FailSkip})
		w.faulty.fails.Store(true)
		w.live(core.Binding{Mechanic: "list"})
		w.live(core.Binding{Mechanic: "faulty", OnFailure: core.FailSkip}) // what is undone to is before the breaker
		w.follow()
		w.sell(30)
		w.judge()
		w.clock.advance(31 * time.Second)
		w.judge()
		if r := w.rollout(); len(r.Breakers) != 0 || len(r.Closed) != 1 {
			t.Fatalf("the breaker has not closed: %+v", r)
		}
		_, err := w.undo()
		must(t, err)
		if r := w.rollout(); len(r.Closed) != 1 {
			t.Errorf("the undo forgot that the breaker had opened: %+v", r)
		}
	})
}
