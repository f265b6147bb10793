package core_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"hotdrop/core"
)

func TestApplyingACampaign(t *testing.T) {
	m := mechanics{"a": priceOf(1), "b": priceOf(2)}
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, m, func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "a"}} })
		record, err := d.Record(t.Context(), "phone")
		must(t, err)
		if record.Revision != 1 || record.Epoch != 1 || record.Ruleset.Number != 1 || record.Ruleset.Digests[0] != "sha256:a" {
			t.Errorf("created as %+v", record)
		}
		same, err := d.apply(d.def)
		must(t, err)
		if same.Revision != 1 {
			t.Errorf("the same file again made revision %d", same.Revision)
		}
		raised, err := d.apply(d.with(func(c *core.Campaign) { c.Items[0].Stock = 20 }))
		must(t, err)
		if raised.Revision != 2 || raised.Epoch != 2 || raised.Ruleset.Number != 1 || d.left() != 20 {
			t.Errorf("raised to %+v, %d left", raised, d.left())
		}
		swapped, err := d.apply(d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "b"}} }))
		must(t, err)
		if swapped.Ruleset.Number != 2 || d.left() != 10 {
			t.Errorf("swapped to %+v, %d left", swapped.Ruleset, d.left())
		}
		first, err := d.Ruleset(t.Context(), core.CampaignKey{Brand: "xiaomi", ID: "phone"}, 1)
		must(t, err)
		if first.Bindings[0].Mechanic != "a" {
			t.Errorf("ruleset 1 = %+v", first)
		}
		d.audit()
	})
}

func TestAnApplyThatIsRefusedChangesNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, mechanics{"a": priceOf(1)}, nil)
		d.place("ann")
		d.place("bob")
		op := core.Principal{ID: "op", Role: core.RoleOperator}
		bad := d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "a"}, {Mechanic: "nope"}} })
		_, err := d.apply(bad)
		problems, ok := errors.AsType[*core.Problems](err)
		if !ok || problems.List[0].Path != "ruleset[1].mechanic" {
			t.Errorf("a mechanic that does not exist: %v", err)
		}
		_, err = d.apply(d.with(func(c *core.Campaign) { c.Items[0].Price = -1 }))
		wantCode(t, err, core.CodeInvalid)
		_, err = d.apply(d.with(func(c *core.Campaign) { c.Items[0].Stock = 1 }))
		wantCode(t, err, core.CodeBelowTaken)
		lower := d.with(func(c *core.Campaign) { c.Items[0].Stock = 1 })
		_, err = d.ApplyCampaign(t.Context(), core.ApplyRequest{Definition: lower, Actor: op, DryRun: true})
		wantCode(t, err, core.CodeBelowTaken)
		_, err = d.ApplyCampaign(t.Context(), core.ApplyRequest{Definition: lower, Actor: op, IfMatch: 7})
		wantCode(t, err, core.CodePreconditionFailed)
		_, err = d.ApplyCampaign(t.Context(), core.ApplyRequest{Definition: lower, Actor: op, IfMatch: -1})
		wantCode(t, err, core.CodePreconditionFailed)
		_, err = d.apply(d.with(func(c *core.Campaign) { c.Brand = "meizu" }))
		wantCode(t, err, core.CodeInvalid)
		_, err = d.ApplyCampaign(t.Context(), core.ApplyRequest{
			Definition: lower, Actor: core.Principal{ID: "m", Role: core.RoleBrand, Brand: "meizu"},
		})
		wantCode(t, err, core.CodeInvalid)
		dry := d.with(func(c *core.Campaign) { c.Items[0].Stock = 50 })
		record, err := d.ApplyCampaign(t.Context(), core.ApplyRequest{Definition: dry, Actor: op, DryRun: true})
		must(t, err)
		if record.Revision != 2 {
			t.Errorf("a dry run announces revision %d", record.Revision)
		}
		now, err := d.Record(t.Context(), "phone")
		must(t, err)
		if now.Revision != 1 || d.left() != 8 {
			t.Errorf("revision %d, %d left", now.Revision, d.left())
		}
		_, err = d.apply(d.with(func(c *core.Campaign) { c.Items[0].Stock = 2 })) // down to what is taken
		must(t, err)
		if d.left() != 0 {
			t.Errorf("%d left", d.left())
		}
		d.audit()
	})
}

// renamed is another binary, whose mechanics of the same names are others.
type renamed struct{ mechanics }

func (r renamed) Compile(ctx context.Context, b core.Binding) (core.Mechanic, error) {
	m, err := r.mechanics.Compile(ctx, b)
	if err != nil {
		return nil, err
	}
	return mechanic{name: m.Manifest().Name + "-2", decide: priceOf(2)}, nil
}

func TestABinaryWithOtherMechanicsServesOnlyAfterTheyAreApplied(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, mechanics{"a": priceOf(1)}, func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "a"}} })
		newer := core.NewEngine(core.Options{
			Store: s, Campaigns: s, Ledger: s, Compiler: renamed{mechanics{"a": priceOf(2)}}, Now: d.clock.now,
			Log: slog.New(slog.DiscardHandler),
		})
		must(t, newer.Start(t.Context()))
		t.Cleanup(newer.Stop)
		_, _, err := newer.Place(t.Context(), buy("ann", "k"))
		wantCode(t, err, core.CodeUnavailable)
		record, err := newer.ApplyCampaign(t.Context(), core.ApplyRequest{Definition: d.def, Reason: "a test"})
		must(t, err)
		o, _, err := newer.Place(t.Context(), buy("ann", "k"))
		must(t, err)
		if record.Ruleset.Number != 2 || o.Total != 2 {
			t.Errorf("ruleset %d, total %d", record.Ruleset.Number, o.Total)
		}
	})
}

func TestAnotherNodeFollowsAChangeWithoutBeingTold(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		m := mechanics{"a": priceOf(1), "b": priceOf(2)}
		d := newDrop(t, s, m, func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "a"}} })
		other := d.node(m, nil)
		_, err := d.apply(d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "b"}} }))
		must(t, err)
		o, _, err := other.Place(t.Context(), buy("ann", "k"))
		must(t, err)
		if o.Total != 2 {
			t.Errorf("the other node sold at %d", o.Total)
		}
	})
}

func TestACampaignIsSeenAsItStands(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		d.place("ann")
		view, err := d.Campaign(t.Context(), "phone")
		must(t, err)
		if view.Phase != core.PhaseSale || view.Left["mi2"] != 9 || view.Reserved != 0 {
			t.Errorf("view = %+v", view)
		}
		other := d.node(nil, nil)
		d.place("bob")
		d.clock.advance(51 * time.Millisecond)
		views, err := other.Campaigns(t.Context())
		must(t, err)
		if len(views) != 1 || views[0].Left["mi2"] != 8 {
			t.Errorf("another node sees %+v", views)
		}
		_, err = d.Campaign(t.Context(), "nope")
		wantCode(t, err, core.CodeNotFound)
	})
}

func TestAShoppersOrdersComeInPages(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, func(c *core.Campaign) { c.Items[0].Limit = 0 })
		var want []string
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			o, _, err := d.Place(t.Context(), buy("ann", key))
			must(t, err)
			want = append([]string{o.ID}, want...)
			d.clock.advance(time.Second)
		}
		d.place("bob")
		var got []string
		cursor := ""
		for {
			page, err := d.Orders(t.Context(), "ann", cursor, 2)
			must(t, err)
			for _, o := range page.Data {
				got = append(got, o.ID)
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if len(got) != 5 || got[0] != want[0] || got[4] != want[4] {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestACampaignSaysWhatIsLeftOfItsQuotasAndPools asks a node that had no part in the taking.
func TestACampaignSaysWhatIsLeftOfItsQuotasAndPools(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		taking := promoting([]core.Hook{core.HookQuote}, nil, func(core.Hook, *core.Facts) []core.Effect {
			return []core.Effect{{Kind: core.EffectTake, Name: "q", Units: 2}}
		})
		d, other := newPromotion(t, s, taking, func(c *core.Campaign) { c.Quotas = map[string]int64{"q": 5, "untouched": 7} })
		looks := func(quota, pool int64) {
			t.Helper()
			v, err := other.Campaign(t.Context(), "phone")
			must(t, err)
			if len(v.Quotas) != 2 || v.Quotas["q"] != quota || v.Quotas["untouched"] != 7 || len(v.Pools) != 1 || v.Pools["fifty"] != pool {
				t.Errorf("quotas %v, pools %v; want %d and %d", v.Quotas, v.Pools, quota, pool)
			}
		}
		looks(5, 3)
		o := d.place("ann")
		d.grant("ann", 2)
		d.clock.advance(100 * time.Millisecond)
		looks(3, 1)
		_, err := d.Cancel(t.Context(), payOf(o, "c"))
		must(t, err)
		d.clock.advance(100 * time.Millisecond)
		looks(5, 1)
	})
}
