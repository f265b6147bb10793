package core_test

import (
	"fmt"
	"testing"

	"hotdrop/core"
)

// paid pays the order.
func (d *drop) paid(node *core.Engine, o *core.Order) {
	d.t.Helper()
	_, err := node.TopUp(d.t.Context(), core.TopUp{Shopper: o.Shopper, Currency: "CNY", Amount: o.Total, Key: "t-" + o.ID})
	must(d.t, err)
	_, err = node.Pay(d.t.Context(), core.OrderAction{Order: o.ID, Shopper: o.Shopper, Key: "p-" + o.ID})
	must(d.t, err)
}

func TestACanarysArmsAreComparedSinceItBeganOnAllNodes(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newTrial(t, s)
		_, err := d.CanaryReport(t.Context(), "phone", operator)
		wantCode(t, err, core.CodeNotFound)
		before, err := d.request(d.Engine, "early", "")
		must(t, err)
		candidate := d.add(core.Binding{Mechanic: "candidate"})
		swapped := d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: candidate, Tag: "beta"})
		other := d.journaled(trialMechanics(), "two")
		for i, one := range []struct {
			tier string
			tags []string
			pays bool
			want core.Code
		}{
			{"", nil, true, ""}, {"", nil, false, ""}, {"", nil, true, ""}, {"banned", nil, false, core.CodeDenied},
			{"gold", []string{"beta"}, true, ""}, {"tin", []string{"beta"}, false, ""},
			{"lead", []string{"beta"}, false, core.CodeDenied}, {"glass", []string{"beta"}, false, core.CodeMechanicFailed},
		} {
			node := []*core.Engine{d.Engine, other}[i%2]
			o, err := d.request(node, fmt.Sprintf("s%d", i), one.tier, one.tags...)
			wantCode(t, err, one.want)
			if one.pays {
				d.paid(node, o)
			}
		}
		d.paid(d.Engine, before) // an order of before the canary is of neither arm
		other.Stop()
		r, err := d.CanaryReport(t.Context(), "phone", operator)
		must(t, err)
		if r.Nodes != 2 || r.Canary.Ruleset != candidate || r.Began != swapped.Rollout.At {
			t.Errorf("%+v", r)
		}
		live, trial := &r.Live, &r.Trial
		if live.Ruleset != 1 || live.Requests != 4 || live.Orders != 3 || live.Paid != 2 || live.Money != 300_000 || live.Denied != 1 ||
			live.Errors != 0 || live.Reasons["banned"] != 1 || live.Refusals[core.CodeDenied] != 1 {
			t.Errorf("live %+v", live)
		}
		if trial.Ruleset != candidate || trial.Requests != 4 || trial.Orders != 2 || trial.Paid != 1 || trial.Money != 200_000 ||
			trial.Denied != 1 || trial.Errors != 1 || trial.Reasons["too_heavy"] != 1 || trial.Refusals[core.CodeMechanicFailed] != 1 {
			t.Errorf("trial %+v", trial)
		}
		if live.Conversion.Value != 0.75 || trial.Conversion.Value != 0.5 || r.Differ.Conversion.Value != -0.25 {
			t.Errorf("conversion %+v, %+v, %+v", live.Conversion, trial.Conversion, r.Differ.Conversion)
		}
		if r.Differ.PerOrder == nil || r.Differ.PerOrder.Value != 0 || len(r.Differ.Decided) != 0 {
			t.Errorf("differences %+v", r.Differ)
		}
	})
}

func TestWhatOneArmAloneSaysIsNoComparison(t *testing.T) {
	d := newTrial(t, sqliteStore(t))
	d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: d.add(core.Binding{Mechanic: "candidate"}), Tag: "beta"})
	_, err := d.request(d.Engine, "ann", "")
	must(t, err)
	r, err := d.CanaryReport(t.Context(), "phone", operator)
	must(t, err)
	if r.Live.Orders != 1 || r.Live.PerOrder != nil || r.Trial.Conversion != nil || r.Differ.Conversion != nil || r.Differ.PerOrder != nil {
		t.Errorf("%+v", r)
	}
}

func TestAReplayedOrderIsCountedOnce(t *testing.T) {
	d := newTrial(t, sqliteStore(t))
	d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: d.add(core.Binding{Mechanic: "candidate"}), Tag: "beta"})
	for range 3 {
		_, err := d.request(d.Engine, "ann", "gold", "beta")
		must(t, err)
	}
	r, err := d.CanaryReport(t.Context(), "phone", operator)
	must(t, err)
	if r.Trial.Requests != 1 || r.Trial.Orders != 1 || r.Trial.Discount != 109_900 {
		t.Errorf("%+v", r.Trial)
	}
}
