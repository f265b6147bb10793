package core_test

import (
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// guarded lets one operator move a price by 20 %.
func guarded(c *core.Campaign) {
	at100(c)
	c.Guards.MaxPriceChange = 2000
}

func (d *drop) approve(by string) (*core.Swapped, error) {
	d.t.Helper()
	return d.ApproveRollout(d.t.Context(), core.ApprovalRequest{
		Campaign: "phone", Expect: d.rollout().Number, Reason: "agreed", Actor: operatorCalled(by),
	})
}

func TestAPriceThatMovesTooFarNeedsASecondOperator(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, mechanics{"p100": priceOf(100), "p120": priceOf(120), "p121": priceOf(121)}, guarded)
		near, far := d.add(core.Binding{Mechanic: "p120"}), d.add(core.Binding{Mechanic: "p121"})
		swapped := d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: far})
		if p := swapped.Rollout.Pending; swapped.Rollout.Live != 1 || p == nil || p.Approval == "" {
			t.Fatalf("the rollout is %+v", swapped.Rollout)
		}
		if o := d.place("ann"); o.Total != 100 {
			t.Errorf("while it waits it costs %d", o.Total)
		}
		_, err := d.approve("op")
		wantCode(t, err, core.CodeApprovalRequired)
		swapped, err = d.approve("second")
		must(t, err)
		if swapped.Rollout.Live != far || swapped.Rollout.Pending != nil || swapped.Rollout.By != "second" {
			t.Errorf("approved, the rollout is %+v", swapped.Rollout)
		}
		_, err = d.approve("third")
		wantCode(t, err, core.CodeWrongState)
		_, err = d.undo() // back to what was in force needs nobody
		must(t, err)
		if swapped = d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: near}); swapped.Rollout.Live != near {
			t.Errorf("a small change waits: %+v", swapped.Rollout)
		}
	})
}

// TestThePricesOfOrdersAreMeasuredToo has a mechanic that is only generous to some.
func TestThePricesOfOrdersAreMeasuredToo(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		toMembers := func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			amount := int64(100)
			if f.Shopper.Tier == "gold" {
				amount = 10
			}
			return append(effects, core.Effect{Kind: core.EffectPrice, Amount: amount}), nil
		}
		d := newDrop(t, s, mechanics{"p100": priceOf(100), "members": toMembers}, guarded)
		number := d.add(core.Binding{Mechanic: "members"})
		req := buy("ann", "k")
		req.Shopper.Tier = "gold"
		_, _, err := d.Place(t.Context(), req)
		must(t, err)
		if swapped := d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: number, Percent: 5}); swapped.Rollout.Pending == nil {
			t.Errorf("the rollout is %+v", swapped.Rollout)
		}
		d.mustChange(core.Change{Mode: core.ModeAbort})
		if r := d.rollout(); r.Pending != nil {
			t.Errorf("aborted, %+v waits", r.Pending)
		}
	})
}

func TestAnApprovedChangeStillWaitsForItsInstant(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), guarded)
		number := d.add(core.Binding{Mechanic: "p200"})
		_, err := d.ChangeRollout(t.Context(), core.RolloutRequest{
			Campaign: "phone", Change: core.Change{Mode: core.ModeLive, Ruleset: number}, Expect: 1, Reason: "noon",
			At: d.clock.now().Add(time.Hour).UnixMilli(), Actor: operatorCalled("op"),
		})
		must(t, err)
		_, err = d.approve("second")
		must(t, err)
		if r := d.rollout(); r.Pending == nil || r.Pending.Approval != "" || r.Pending.At == 0 || r.Live != 1 {
			t.Errorf("the rollout is %+v", r)
		}
	})
}

func TestAFileThatMovesAPriceTooFarIsAppliedByTwo(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), guarded)
		by := func(id string, def *core.Campaign) error {
			_, err := d.ApplyCampaign(t.Context(), core.ApplyRequest{Definition: def, Actor: operatorCalled(id), Reason: "test"})
			return err
		}
		dear := d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "p200"}} })
		wantCode(t, by("op", dear), core.CodeApprovalRequired)
		wantCode(t, by("op", dear), core.CodeApprovalRequired)
		_, err := d.approve("second")
		wantCode(t, err, core.CodeWrongState)
		other := d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "p300"}} })
		wantCode(t, by("second", other), core.CodeApprovalRequired) // which takes the first one's place
		wantCode(t, by("third", dear), core.CodeApprovalRequired)
		must(t, by("second", dear))
		if r := d.rollout(); r.Live != 2 || r.Pending != nil {
			t.Errorf("the rollout is %+v", r)
		}
		if o := d.place("ann"); o.Total != 200 {
			t.Errorf("it costs %d", o.Total)
		}
		loose := d.with(func(c *core.Campaign) {
			c.Ruleset, c.Guards.MaxPriceChange = []core.Binding{{Mechanic: "p200"}}, 0
		})
		wantCode(t, by("op", loose), core.CodeApprovalRequired)
		more := d.with(func(c *core.Campaign) {
			c.Ruleset, c.Items[0].Stock = []core.Binding{{Mechanic: "p200"}}, 2000
		})
		must(t, by("op", more))
	})
}

func TestHowFarAPriceMovesIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.OneOf(rapid.Int64Range(0, 10_000), rapid.Int64Range(0, 1<<62))
		from, to, limit := amount.Draw(t, "from"), amount.Draw(t, "to"), rapid.Int64Range(1, 1_000_000).Draw(t, "limit")
		moved := new(big.Int).Abs(new(big.Int).Sub(big.NewInt(to), big.NewInt(from)))
		moved.Mul(moved, big.NewInt(10_000))
		most := new(big.Int).Mul(big.NewInt(from), big.NewInt(limit))
		if got, want := core.MovesBeyond(from, to, limit), moved.Cmp(most) > 0; got != want {
			t.Errorf("from %d to %d beyond %d: %v, want %v", from, to, limit, got, want)
		}
	})
}
