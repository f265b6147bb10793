package core_test

import (
	"math/big"
	"strings"
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
		_, err = d.approve("OP")
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

// TestPricesAreMeasuredAgainWhenTheMomentComes lets two small steps, one of which waits, be a large one.
func TestPricesAreMeasuredAgainWhenTheMomentComes(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		m := mechanics{"p100": priceOf(100), "p118": priceOf(118), "p82": priceOf(82)}
		d := newDrop(t, s, m, guarded)
		number := d.add(core.Binding{Mechanic: "p118"})
		d.inAMinute(core.Change{Mode: core.ModeLive, Ruleset: number})
		if p := d.rollout().Pending; p.Approval != "" {
			t.Fatalf("18 %% need approval: %+v", p)
		}
		_, err := d.apply(d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "p82"}} }))
		must(t, err)
		d.due()
		r := d.rollout()
		if r.Pending == nil || r.Pending.Approval == "" || r.Action != core.ActionPropose || r.By != "system" {
			t.Fatalf("the rollout is %+v", r)
		}
		if want := "waits for approval: the price of an order of mi2 moves from 82 to 118"; !strings.Contains(r.Reason, want) {
			t.Errorf("the reason is %q, should say %q", r.Reason, want)
		}
		if o := d.place("ann"); o.Total != 82 {
			t.Errorf("while it waits it costs %d", o.Total)
		}
		_, err = d.approve("op")
		wantCode(t, err, core.CodeApprovalRequired)
		swapped, err := d.approve("second")
		must(t, err)
		if r := swapped.Rollout; r.Live != number || r.Pending != nil {
			t.Errorf("approved, the rollout is %+v", r)
		}
	})
}

func TestADrainThatNeedsApprovalWhenItsMomentComesLetsTheSaleGoOn(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		m := mechanics{"p100": priceOf(100), "p118": priceOf(118), "p82": priceOf(82)}
		d := newDrop(t, s, m, guarded)
		number := d.add(core.Binding{Mechanic: "p118"})
		hold := d.place("ann")
		d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: number, Holds: core.HoldsDrain})
		_, err := d.apply(d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "p82"}} }))
		must(t, err)
		_, err = d.Cancel(t.Context(), core.OrderAction{Order: hold.ID, Shopper: "ann", Key: "c"})
		must(t, err)
		d.Settle()
		if r := d.rollout(); r.Draining || r.Pending == nil || r.Pending.Approval == "" {
			t.Fatalf("the rollout is %+v", r)
		}
		if o := d.place("bob"); o.Total != 82 {
			t.Errorf("while it waits it costs %d", o.Total)
		}
		_, err = d.approve("second")
		must(t, err)
		if r := d.rollout(); !r.Draining || r.Pending.ApprovedBy != "second" {
			t.Errorf("approved, the rollout is %+v", r)
		}
		d.clock.advance(20 * time.Minute)
		d.Settle()
		if r := d.rollout(); r.Live != number || r.Draining || r.Pending != nil {
			t.Errorf("drained, the rollout is %+v", r)
		}
	})
}

func TestWhatWasApprovedIsMadeWhateverPricesDoMeanwhile(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), guarded)
		number := d.add(core.Binding{Mechanic: "p200"})
		d.inAMinute(core.Change{Mode: core.ModeLive, Ruleset: number})
		_, err := d.approve("second")
		must(t, err)
		if p := d.rollout().Pending; p.ApprovedBy != "second" || p.By != "op" {
			t.Errorf("what waits is %+v", p)
		}
		d.due()
		if r := d.rollout(); r.Live != number || r.Pending != nil {
			t.Errorf("the rollout is %+v", r)
		}
	})
}

func TestAnApprovedCanaryNeedsAnotherApprovalToBecomeLive(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), guarded)
		number := d.add(core.Binding{Mechanic: "p200"})
		d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: number, Percent: 5})
		swapped, err := d.approve("second")
		must(t, err)
		if r := swapped.Rollout; r.Canary == nil || r.Canary.Percent != 5 || r.Pending != nil {
			t.Fatalf("approved, the rollout is %+v", r)
		}
		for _, c := range []core.Change{
			{Mode: core.ModeCanary, Ruleset: number, Percent: 99}, {Mode: core.ModeLive, Ruleset: number},
		} {
			swapped = d.mustChange(c)
			if r := swapped.Rollout; r.Live != 1 || r.Canary.Percent != 5 || r.Pending == nil || r.Pending.Approval == "" {
				t.Errorf("%+v makes the rollout %+v", c, r)
			}
		}
	})
}

// TestAPriceThatCannotBeMeasuredNeedsASecondOperator has items that nobody of whom nothing is known can have.
func TestAPriceThatCannotBeMeasuredNeedsASecondOperator(t *testing.T) {
	member := func(price int64) func(*core.Facts, []core.Effect) ([]core.Effect, error) {
		return func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			if f.Shopper.Tier != "gold" {
				return append(effects, core.Effect{Kind: core.EffectDeny, Name: "members"}), nil
			}
			return append(effects, core.Effect{Kind: core.EffectPrice, Amount: price}), nil
		}
	}
	m := mechanics{"dear": member(1000), "gift": member(1), "near": member(1001), "p100": priceOf(100)}
	for name, tt := range map[string]struct {
		from, to string
		orders   bool // somebody who can has ordered
		limit    int64
		waits    string // part of why it waits; "" if it does not
	}{
		"from one that nobody could order by":    {"dear", "gift", false, 100, "how far the price of mi2 moves could not be measured"},
		"to one that only some can order by":     {"p100", "dear", false, 100, "how far the price of mi2 moves could not be measured"},
		"where an order shows that it moves far": {"dear", "gift", true, 100, "moves from 1000 to 1"},
		"where an order shows that it does not":  {"dear", "near", true, 100, ""},
		"where no price is guarded":              {"dear", "gift", false, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				d := newDrop(t, s, m, func(c *core.Campaign) {
					c.Guards.MaxPriceChange, c.Ruleset = tt.limit, []core.Binding{{Mechanic: tt.from}}
				})
				if tt.orders {
					req := buy("ann", "k")
					req.Shopper.Tier = "gold"
					_, _, err := d.Place(t.Context(), req)
					must(t, err)
				}
				r := d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: tt.to})}).Rollout
				if waits := r.Pending != nil; waits != (tt.waits != "") {
					t.Fatalf("the rollout is %+v", r)
				}
				if r.Pending != nil && !strings.Contains(r.Pending.Approval, tt.waits) {
					t.Errorf("it waits because %q, should say %q", r.Pending.Approval, tt.waits)
				}
			})
		})
	}
}

// TestPricesAreMeasuredWhereMechanicsMayDecideOtherwise has a mechanic give nearly everything away to a few.
func TestPricesAreMeasuredWhereMechanicsMayDecideOtherwise(t *testing.T) {
	for name, tt := range map[string]struct {
		generous func(f *core.Facts) bool
		waits    bool
	}{
		"now":                               {func(f *core.Facts) bool { return f.Now == opening.Add(7*time.Minute).UnixMilli() }, true},
		"in the middle of the sale":         {func(f *core.Facts) bool { return f.Now == opening.Add(30*time.Minute).UnixMilli() }, true},
		"at the sale's end":                 {func(f *core.Facts) bool { return f.Now > opening.Add(59*time.Minute).UnixMilli() }, true},
		"after the sale":                    {func(f *core.Facts) bool { return f.Now >= opening.Add(time.Hour).UnixMilli() }, false},
		"for as many as a shopper may have": {func(f *core.Facts) bool { return f.Quantity == 4 }, true},
		"for more than that":                {func(f *core.Facts) bool { return f.Quantity > 4 }, false},
		"to who has signed up":              {func(f *core.Facts) bool { return f.Reservation.Position > 0 }, true},
		"to those who order something else": {func(f *core.Facts) bool {
			return f.Item.SKU == "mi2" && f.Shopper.Tier == "gold"
		}, true},
		"to those who never order": {func(f *core.Facts) bool { return f.Shopper.Tier == "silver" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				m := mechanics{"p100": priceOf(100), "generous": func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
					amount := int64(100)
					if tt.generous(f) {
						amount = 10
					}
					return append(effects, core.Effect{Kind: core.EffectPrice, Amount: amount}), nil
				}}
				d := newDrop(t, s, m, func(c *core.Campaign) {
					guarded(c)
					c.Items[0].Limit = 4
					c.Items = append(c.Items, c.Items[0])
					c.Items[1].SKU = "case"
				})
				d.clock.advance(5 * time.Minute)
				req := buy("ann", "k")
				req.SKU, req.Shopper.Tier = "case", "gold"
				_, _, err := d.Place(t.Context(), req)
				must(t, err)
				number := d.add(core.Binding{Mechanic: "generous"})
				d.clock.advance(2 * time.Minute)
				r := d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: number}).Rollout
				if waits := r.Pending != nil; waits != tt.waits {
					t.Errorf("the rollout is %+v", r)
				}
			})
		})
	}
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
		wantCode(t, by("Op", dear), core.CodeApprovalRequired)
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

// TestPricesAreMeasuredByTheSaleOfTheNewFileToo has a mechanic that looks at what one person may change of a sale.
func TestPricesAreMeasuredByTheSaleOfTheNewFileToo(t *testing.T) {
	closes := opening.Add(time.Hour).UnixMilli()
	for name, tt := range map[string]struct {
		generous func(f *core.Facts) bool
		to       string
	}{
		"when it closes":      {func(f *core.Facts) bool { return f.Campaign.SaleCloses < closes }, "some"},
		"how many there are":  {func(f *core.Facts) bool { return f.Item.Stock == 20 }, "some"},
		"its new last moment": {func(f *core.Facts) bool { return f.Now == closes-1-time.Minute.Milliseconds() }, "p100"},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				m := mechanics{"some": func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
					amount := int64(100)
					if tt.generous(f) {
						amount = 10
					}
					return append(effects, core.Effect{Kind: core.EffectPrice, Amount: amount}), nil
				}, "p100": priceOf(100)}
				d := newDrop(t, s, m, func(c *core.Campaign) {
					guarded(c)
					c.Ruleset = []core.Binding{{Mechanic: "some"}}
				})
				_, err := d.apply(d.with(func(c *core.Campaign) {
					c.Items[0].Stock, c.Phases.Closed, c.Ruleset = 20, opening.Add(59*time.Minute), []core.Binding{{Mechanic: tt.to}}
				}))
				wantCode(t, err, core.CodeApprovalRequired)
			})
		})
	}
}
