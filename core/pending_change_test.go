package core_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
)

// made waits until the rollout in force satisfies the condition, having every node look at the clock again and again, and
// until all of them follow it.
func (f *fleet) made(what string, is func(r core.Rollout) bool) core.Rollout {
	f.t.Helper()
	over := time.After(patience)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		if record, err := f.store.Campaign(f.t.Context(), "phone"); err != nil || is(record.Rollout) {
			must(f.t, err)
			f.follow(record.Revision)
			return record.Rollout
		}
		for _, e := range f.nodes {
			must(f.t, e.Follow(f.t.Context()))
		}
		select {
		case <-over:
			f.t.Fatalf("not yet: %s; the rollout is %+v", what, f.rollout())
		case <-again.C:
		}
	}
}

// looked has every node look at the clock, twice, and wait for what it does then.
func (f *fleet) looked() {
	f.t.Helper()
	for _, e := range f.nodes {
		e.Settle()
	}
}

// pass lets the time go by in steps of two seconds, at each of which every node says that it is there and looks at the clock.
func (f *fleet) pass(d time.Duration) {
	f.t.Helper()
	for ; d > 0; d -= 2 * time.Second {
		f.clock.advance(min(d, 2*time.Second))
		for _, e := range f.nodes {
			e.SayNow(f.t.Context())
		}
		f.looked()
	}
}

func live(number int64) func(core.Rollout) bool {
	return func(r core.Rollout) bool { return r.Live == number && r.Pending == nil && !r.Draining }
}

func TestAChangeIsMadeAtItsInstantOnceAndNotBefore(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(2), 3)
		f.add("v2")
		at := opening.Add(time.Minute)
		waiting, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2}, at.UnixMilli())
		must(t, err)
		f.follow(waiting.Revision)
		f.clock.advance(time.Minute - time.Millisecond)
		f.looked()
		if r := f.rollout(); r.Live != 1 || r.Pending == nil {
			t.Fatalf("a millisecond early the rollout is %+v", r)
		}
		f.pays(f.nodes[1], "ann", 1001)
		f.clock.advance(time.Millisecond)
		r := f.made("the change", live(2))
		if r.At != at.UnixMilli() || r.By != "op" || r.Role != core.RoleOperator || r.Reason != "it is time" || r.Action != core.ActionLive {
			t.Errorf("rollout %+v", r)
		}
		f.looked()
		want := []core.Action{core.ActionLive, core.ActionPropose, core.ActionApply}
		if got := f.actions(); !slices.Equal(got, want) {
			t.Errorf("history %v, want %v", got, want)
		}
		f.pays(f.nodes[2], "bob", 1002)
		undone, err := f.nodes[1].Undo(t.Context(), core.UndoRequest{Campaign: "phone", Reason: "no", Actor: operator})
		must(t, err)
		if undone.Rollout.Live != 1 || undone.Rollout.Pending != nil {
			t.Errorf("the undo leads to %+v", undone.Rollout)
		}
		f.audit()
	})
}

func TestAWaitingChangeSurvivesEveryNode(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newWorkshop(2)
		f := newFleet(t, s, w, 2)
		f.add("v2")
		_, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2}, opening.Add(time.Minute).UnixMilli())
		must(t, err)
		for _, e := range f.nodes {
			e.Stop()
		}
		f.nodes = nil
		f.clock.advance(10 * time.Minute)
		if r := f.rollout(); r.Live != 1 {
			t.Fatalf("nobody is there, and the rollout is %+v", r)
		}
		f.join("d", w, shared(s))
		f.made("the change", live(2))
		f.pays(f.nodes[0], "ann", 1002)
	})
}

func TestAnAbortedChangeIsNotMade(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(2), 2)
		f.add("v2")
		_, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2}, opening.Add(time.Minute).UnixMilli())
		must(t, err)
		aborted, err := f.change(f.nodes[1], core.Change{Mode: core.ModeAbort}, 0)
		must(t, err)
		f.follow(aborted.Revision)
		f.clock.advance(time.Hour)
		f.looked()
		if r := f.rollout(); r.Live != 1 || r.Pending != nil {
			t.Errorf("rollout %+v", r)
		}
	})
}

// TestAChangeWaitsForANodeThatCompilesLate has a node join, as one that starts again would, just before the instant.
func TestAChangeWaitsForANodeThatCompilesLate(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(2), 2)
		f.add("v2")
		_, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2}, opening.Add(time.Second).UnixMilli())
		must(t, err)
		late := newWorkshop(2)
		compiles := late.gate("v2")
		f.join("late", late, shared(s))
		f.pass(29 * time.Second)
		if r := f.rollout(); r.Live != 1 || r.Pending == nil {
			t.Fatalf("while a node compiles the rollout is %+v", r)
		}
		close(compiles)
		if r := f.made("the change", live(2)); r.Action != core.ActionLive || r.By != "op" {
			t.Errorf("rollout %+v", r)
		}
		f.pays(f.nodes[2], "ann", 1002)
	})
}

func TestAWaitingChangeThatCannotBeMadeIsDroppedWithItsReason(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(2), 2)
		f.add("v2")
		waiting, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2}, opening.Add(time.Second).UnixMilli())
		must(t, err)
		f.follow(waiting.Revision)
		f.join("poor", newWorkshop(1), shared(s))
		f.pass(31 * time.Second)
		if r := f.rollout(); r.Pending == nil {
			t.Fatalf("a node could still become ready, and the rollout is %+v", r)
		}
		f.pass(2 * time.Second)
		r := f.made("the end of waiting", func(r core.Rollout) bool { return r.Pending == nil })
		if r.Live != 1 || r.Action != core.ActionFallback || r.By != "system" {
			t.Errorf("rollout %+v", r)
		}
		for _, part := range []string{"ruleset 2 was to become live and could not: ", "node poor: ", `there is no mechanic "v2"`} {
			if !strings.Contains(r.Reason, part) {
				t.Errorf("the reason is %q, should say %q", r.Reason, part)
			}
		}
		f.pays(f.nodes[2], "ann", 1001)
	})
}

func TestAnUndoAfterADroppedChangeGoesToWhatWasBeforeItWaited(t *testing.T) {
	for name, tt := range map[string]struct {
		meanwhile func(d *drop)
		live      int64
		stop      core.Stop
	}{
		"nothing came between": {func(*drop) {}, 1, core.StopNothing},
		"a stop came between":  {func(d *drop) { d.stop(core.StopReservations) }, 1, core.StopReservations},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				var outgrown atomic.Bool
				m := prices()
				m["p300"] = func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
					if outgrown.Load() {
						return append(effects, core.Effect{Kind: core.EffectDeny, Name: core.ReasonMisconfigured}), nil
					}
					return append(effects, core.Effect{Kind: core.EffectPrice, Amount: 300}), nil
				}
				d := newDrop(t, s, m, at100)
				for _, price := range []string{"p200", "p300"} {
					d.add(core.Binding{Mechanic: price})
				}
				d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: 2})
				d.inAMinute(core.Change{Mode: core.ModeCanary, Ruleset: 3, Percent: 5})
				tt.meanwhile(d)
				outgrown.Store(true)
				d.due()
				if r := d.rollout(); r.Action != core.ActionFallback || r.Live != 2 {
					t.Fatalf("rollout %+v", r)
				}
				undone, err := d.undo()
				must(t, err)
				if r := undone.Rollout; r.Live != tt.live || r.Stop != tt.stop {
					t.Errorf("the undo leads to %+v", r)
				}
			})
		})
	}
}

// inAMinute asks for the change.
func (d *drop) inAMinute(c core.Change) {
	d.t.Helper()
	_, err := d.ChangeRollout(d.t.Context(), core.RolloutRequest{
		Campaign: "phone", Change: c, Expect: d.rollout().Number, Reason: "in a minute", Actor: operatorCalled("op"),
		At: d.clock.now().Add(time.Minute).UnixMilli(),
	})
	must(d.t, err)
}

// due lets the minute pass.
func (d *drop) due() {
	d.t.Helper()
	d.clock.advance(time.Minute)
	d.Settle()
}

func TestASwapThatDrainsWaitsForHoldsAndSellsNothingMeanwhile(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, f *fleet, o *core.Order){
		"a hold is paid": func(t *testing.T, f *fleet, o *core.Order) {
			_, err := f.nodes[1].TopUp(t.Context(), core.TopUp{Shopper: "ann", Currency: "CNY", Amount: 1_000_000, Key: "t"})
			must(t, err)
			_, err = f.nodes[1].Pay(t.Context(), core.OrderAction{Order: o.ID, Shopper: "ann", Key: "p"})
			must(t, err)
		},
		"a hold is cancelled": func(t *testing.T, f *fleet, o *core.Order) {
			_, err := f.nodes[1].Cancel(t.Context(), core.OrderAction{Order: o.ID, Shopper: "ann", Key: "c"})
			must(t, err)
		},
		"a hold runs out": func(_ *testing.T, f *fleet, _ *core.Order) { f.clock.advance(15*time.Minute + time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				f := newFleet(t, s, newWorkshop(2), 2)
				f.add("v2")
				o := f.pays(f.nodes[1], "ann", 1001)
				draining, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2, Holds: core.HoldsDrain}, 0)
				must(t, err)
				if !draining.Rollout.Draining || draining.Rollout.Action != core.ActionDrain {
					t.Errorf("rollout %+v", draining.Rollout)
				}
				for i, e := range f.nodes {
					_, _, err := e.Place(t.Context(), buy(fmt.Sprintf("bob%d", i), "k"))
					wantCode(t, err, core.CodeDraining)
				}
				f.looked()
				if r := f.rollout(); r.Live != 1 {
					t.Fatalf("with a hold left the rollout is %+v", r)
				}
				end(t, f, o)
				f.made("the change", live(2))
				f.pays(f.nodes[1], "cid", 1002)
				want := []core.Action{core.ActionLive, core.ActionDrain, core.ActionApply}
				if got := f.actions(); !slices.Equal(got, want) {
					t.Errorf("history %v, want %v", got, want)
				}
				f.audit()
			})
		})
	}
}

func TestASwapThatDrainsAtAnInstantSellsUntilThen(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(2), 2)
		f.add("v2")
		_, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2, Holds: core.HoldsDrain},
			opening.Add(time.Minute).UnixMilli())
		must(t, err)
		f.pays(f.nodes[1], "ann", 1001)
		f.clock.advance(time.Minute)
		f.made("draining", func(r core.Rollout) bool { return r.Draining })
		_, _, err = f.nodes[0].Place(t.Context(), buy("bob", "k"))
		wantCode(t, err, core.CodeDraining)
		f.clock.advance(15 * time.Minute)
		f.made("the change", live(2))
		want := []core.Action{core.ActionLive, core.ActionDrain, core.ActionPropose, core.ActionApply}
		if got := f.actions(); !slices.Equal(got, want) {
			t.Errorf("history %v, want %v", got, want)
		}
		f.audit()
	})
}

// TestNoOrderComesBetweenTheLastHoldAndTheSwap lets shoppers order while a swap drains: whoever still got the old price had
// ordered before, and has paid or lost the hold when the new price begins.
func TestNoOrderComesBetweenTheLastHoldAndTheSwap(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(2), 2)
		f.add("v2")
		f.ready(2)
		var rush sync.WaitGroup
		stop := make(chan struct{})
		for i := range 4 {
			rush.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					shopper := fmt.Sprintf("s%d-%d", i, n)
					o, _, err := f.nodes[i%2].Place(t.Context(), buy(shopper, "k"))
					if core.CodeOf(err) == core.CodeDraining {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					if o.Total == 1002 {
						return
					}
					if _, err := f.nodes[i%2].Cancel(t.Context(), core.OrderAction{Order: o.ID, Shopper: shopper, Key: "c"}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		_, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2, Holds: core.HoldsDrain}, 0)
		must(t, err)
		f.made("the change", live(2))
		rush.Wait()
		close(stop)
		left, err := f.store.Due(t.Context(), core.CampaignKey{Brand: "xiaomi", ID: "phone"}, 1<<62, 100)
		must(t, err)
		for _, o := range left {
			if o.Total != 1002 {
				t.Errorf("a hold of the old price was left: %+v", o)
			}
		}
		f.audit()
	})
}

// TestADrainWaitsForNobodyWhoHasPaidSomething has the balance of an order be due long after every hold has ended.
func TestADrainWaitsForNobodyWhoHasPaidSomething(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, ordering(), withDeposits(core.DepositTerms{BalanceUntil: opening.Add(50 * time.Minute)}))
		number := l.add(core.Binding{Mechanic: "deposit"})
		began, hold := l.pays(l.place("ann")), l.place("bob")
		l.mustChange(core.Change{Mode: core.ModeLive, Ruleset: number, Holds: core.HoldsDrain})
		l.Settle()
		if r := l.rollout(); !r.Draining || r.Live == number {
			t.Fatalf("with a hold left the rollout is %+v", r)
		}
		_, err := l.Cancel(t.Context(), core.OrderAction{Order: hold.ID, Shopper: "bob", Key: "c"})
		must(t, err)
		l.Settle()
		if r := l.rollout(); r.Live != number || r.Draining || r.Pending != nil {
			t.Fatalf("with nothing left but a balance to pay, the rollout is %+v", r)
		}
		if o := l.pay(began, "balance"); o.State != core.OrderPaid || o.Total != began.Total {
			t.Errorf("the balance leaves %+v", o)
		}
		l.audit()
	})
}

// TestAHoldIsFoundAmongOrdersThatArePaidInPart looks two orders at once, so that pages begin and end everywhere.
func TestAHoldIsFoundAmongOrdersThatArePaidInPart(t *testing.T) {
	const orders = 5
	for name, holds := range map[string][]int{
		"the newest": {orders - 1}, "the oldest": {0}, "one between": {2}, "several": {1, 3, 4}, "every one": {0, 1, 2, 3, 4}, "none": {},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				l := newLife(t, s, ordering(), withDeposits(core.DepositTerms{BalanceUntil: opening.Add(50 * time.Minute)}))
				var left []*core.Order
				for i := range orders {
					if o := l.place(fmt.Sprint("ann", i)); slices.Contains(holds, i) {
						left = append(left, o)
					} else {
						l.pays(o)
					}
				}
				none := func() bool {
					found, err := l.NoHolds(t.Context(), "phone", 7, 2)
					must(t, err)
					return found
				}
				for len(left) > 0 {
					for range 2 { // the second look begins where the first one ended
						if none() {
							t.Fatalf("no hold is found, and %d are left", len(left))
						}
					}
					l.pays(left[len(left)/2])
					left = slices.Delete(left, len(left)/2, len(left)/2+1)
				}
				if !none() {
					t.Error("a hold is found, and none is left")
				}
			})
		})
	}
}
