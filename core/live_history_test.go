package core_test

import (
	"testing"
	"time"

	"hotdrop/core"
)

// goesLive makes a new ruleset live and returns the second in which it did.
func (f *watchedFleet) goesLive() (ruleset, second int64) {
	f.Helper()
	op := core.Principal{ID: "op", Role: core.RoleOperator}
	added, err := f.nodes[0].AddRuleset(f.Context(), core.RulesetRequest{
		Campaign: "phone", Bindings: []core.Binding{{Mechanic: "flash"}}, Reason: "test", Actor: op,
	})
	must(f.T, err)
	f.pass(time.Second) // every node has prepared it
	record, err := f.nodes[0].Record(f.Context(), "phone")
	must(f.T, err)
	swapped, err := f.nodes[0].ChangeRollout(f.Context(), core.RolloutRequest{
		Campaign: "phone", Expect: record.Rollout.Number, Reason: "test", Actor: op,
		Change: core.Change{Mode: core.ModeLive, Ruleset: added.Number},
	})
	must(f.T, err)
	return added.Number, swapped.At / 1000
}

// saysWhatDecided checks that each point names the ruleset that was live at the end of its second: the nth from the nth
// instant on.
func (s *stream) saysWhatDecided(t *testing.T, begun []int64) {
	t.Helper()
	for _, p := range s.points {
		live := 0
		for live < len(begun) && begun[live] <= p.Second {
			live++
		}
		switch {
		case live == 0:
			if p.Rollout != nil || p.Revision != 0 {
				t.Errorf("second %d, before the campaign was there: %+v", p.Second, p.Rollout)
			}
		case p.Rollout == nil || p.Rollout.Live != int64(live) || p.Revision != p.Rollout.Number:
			t.Errorf("second %d: revision %d, %+v, want ruleset %d", p.Second, p.Revision, p.Rollout, live)
		}
	}
}

func TestEachPointNamesTheRolloutThatWasInForceAtTheEndOfItsSecond(t *testing.T) {
	watchFleet(t, 2, func(f *watchedFleet) {
		r, err := f.nodes[0].Record(f.Context(), "phone")
		must(f.T, err)
		begun := []int64{r.Rollout.At / 1000}
		watched := f.watches(1, 0) // from the first second to the last
		for range 2 {
			f.pass(70 * time.Second) // some seconds are in the nodes' memory, and some are not
			_, second := f.goesLive()
			begun = append(begun, second)
		}
		f.pass(10 * time.Second)
		resumed := f.watches(0, begun[0]-5) // and on another node
		f.pass(5 * time.Second)
		for _, s := range []*stream{watched, resumed} {
			s.close(f.T)
			s.saysWhatDecided(f.T, begun)
		}
		if len(resumed.points) < 150 {
			f.Errorf("%d points", len(resumed.points))
		}
	})
}

func TestNodesAndGuardsAreLeftOutOfSecondsWhoseStateNobodyKnows(t *testing.T) {
	watchFleet(t, 2, func(f *watchedFleet) {
		f.pass(10 * time.Second)
		opened := time.Now().Unix()
		s := f.watches(0, opened-8)
		f.pass(5 * time.Second)
		s.close(f.T)
		for _, p := range s.points {
			young := p.Second > opened-5 // the last three that were complete
			if young && (len(p.Nodes) != 2 || p.Guards == nil) || p.Second < opened-5 && (p.Nodes != nil || p.Guards != nil) {
				f.Errorf("second %d, opened in %d: nodes %+v, guards %+v", p.Second, opened, p.Nodes, p.Guards)
			}
		}
	})
}

func TestTheHistoryOfAStreamIsReadOnceForEachRevisionAndInPages(t *testing.T) {
	watchFleet(t, 1, func(f *watchedFleet) {
		s := f.watches(0, 0)
		f.pass(3 * time.Second)
		begun := []int64{0, 0}
		for range 130 { // more than one page, all within the same seconds
			_, err := f.nodes[0].StopCampaign(f.Context(), core.StopRequest{
				Campaign: "phone", Level: core.StopReservations, Reason: "test", Actor: core.Principal{ID: "op", Role: core.RoleOperator},
			})
			must(f.T, err)
			_, err = f.nodes[0].StopCampaign(f.Context(), core.StopRequest{
				Campaign: "phone", Reason: "test", Actor: core.Principal{ID: "op", Role: core.RoleOperator},
			})
			must(f.T, err)
		}
		begun[1] = time.Now().Unix()
		f.pass(4 * time.Second)
		s.close(f.T)
		for _, p := range s.points {
			if want := map[bool]int64{false: 1, true: 261}[p.Second >= begun[1]]; p.Rollout == nil || p.Rollout.Number != want {
				f.Errorf("second %d: %+v, want %d", p.Second, p.Rollout, want)
			}
		}
	})
}
