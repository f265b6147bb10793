package core_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// TestSmallStepsOfPricesAddUp has one operator lower a price by little, again and again.
func TestSmallStepsOfPricesAddUp(t *testing.T) {
	m := mechanics{"p100": priceOf(100), "p90": priceOf(90), "p81": priceOf(81), "p79": priceOf(79)}
	const why = "moves from 100 to 79, by more than 20.00 %, counted from what two people agreed on last"
	steps := map[string]func(d *drop, mechanic string) error{
		"by rulesets": func(d *drop, mechanic string) error {
			return waits(d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: mechanic})}))
		},
		"by canaries that are promoted": func(d *drop, mechanic string) error {
			number := d.add(core.Binding{Mechanic: mechanic})
			if err := waits(d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: number, Percent: 50})); err != nil {
				return err
			}
			return waits(d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: number}))
		},
		"by files": func(d *drop, mechanic string) error {
			_, err := d.apply(d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: mechanic}} }))
			return err
		},
		"behind an undo": func(d *drop, mechanic string) error {
			swapped := d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: mechanic})})
			if err := waits(swapped); err != nil {
				return err
			}
			_, err := d.undo()
			must(d.t, err)
			return waits(d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: swapped.Rollout.Live}))
		},
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				d := newDrop(t, s, m, guarded)
				must(t, step(d, "p90"))
				must(t, step(d, "p81"))
				if err := step(d, "p79"); err == nil || !strings.Contains(err.Error(), why) {
					t.Errorf("got %v, should wait because %s", err, why)
				}
				if o := d.place("ann"); o.Total != 81 {
					t.Errorf("it costs %d", o.Total)
				}
			})
		})
	}
}

// waits is an error if the change waits for approval.
func waits(swapped *core.Swapped) error {
	if p := swapped.Rollout.Pending; p != nil && p.Approval != "" {
		return fmt.Errorf("it waits: %s", p.Approval)
	}
	return nil
}

func TestSmallStepsOfListPricesAddUp(t *testing.T) {
	for name, mechanic := range map[string]string{
		"where orders follow it":                       "hundredth",
		"where nothing follows it while mechanics are": "p100",
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				d := newHundredth(t, s)
				d.def.Ruleset = []core.Binding{{Mechanic: mechanic}}
				_, err := d.apply(d.def)
				must(t, err)
				at := func(price int64) error {
					_, err := d.apply(d.with(func(c *core.Campaign) { c.Items[0].Price, c.Ruleset = price, d.def.Ruleset }))
					return err
				}
				must(t, at(9_000))
				must(t, at(8_100))
				wantCode(t, at(7_900), core.CodeApprovalRequired)
				must(t, at(9_500))
				must(t, at(11_000))
				must(t, at(11_900))
				wantCode(t, at(12_100), core.CodeApprovalRequired)
			})
		})
	}
}

// TestARefusalInBetweenHidesNoMove has one operator keep everybody out, and let them in again at another price.
func TestARefusalInBetweenHidesNoMove(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		signedUp := func(price int64) func(*core.Facts, []core.Effect) ([]core.Effect, error) {
			return func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
				if f.Reservation.Position == 0 || price > 0 {
					return append(effects, core.Effect{Kind: core.EffectPrice, Amount: max(price, 100)}), nil
				}
				return append(effects, core.Effect{Kind: core.EffectDeny, Name: "shut"}), nil
			}
		}
		cheap := func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			amount := int64(100)
			if f.Reservation.Position > 0 {
				amount = 1
			}
			return append(effects, core.Effect{Kind: core.EffectPrice, Amount: amount}), nil
		}
		d := newDrop(t, s, mechanics{"p100": priceOf(100), "shut": signedUp(0), "cheap": cheap}, guarded)
		must(t, waits(d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: "shut"})})))
		err := waits(d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: "cheap"})}))
		if err == nil || !strings.Contains(err.Error(), "from 100 to 1,") {
			t.Errorf("the cheap one: %v", err)
		}
	})
}

// TestWhatIsAgreedOnIsWhatSmallStepsCountFrom has a second operator agree in between, in each way that there is.
func TestWhatIsAgreedOnIsWhatSmallStepsCountFrom(t *testing.T) {
	m := mechanics{"p100": priceOf(100), "p150": priceOf(150), "p179": priceOf(179), "p121": priceOf(121)}
	bound := func(mechanic string) func(c *core.Campaign) {
		return func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: mechanic}} }
	}
	for name, agree := range map[string]func(d *drop){
		"on a ruleset": func(d *drop) {
			d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: "p150"})})
			_, err := d.approve("second")
			must(d.t, err)
		},
		"on a ruleset that waits for its moment": func(d *drop) {
			d.inAMinute(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: "p150"})})
			_, err := d.approve("second")
			must(d.t, err)
			d.due()
		},
		"on a file": func(d *drop) {
			_, err := d.apply(d.with(bound("p150")))
			wantCode(d.t, err, core.CodeApprovalRequired)
			_, err = d.ApplyCampaign(d.t.Context(), core.ApplyRequest{
				Definition: d.with(bound("p150")), Reason: "agreed", Actor: operatorCalled("second"),
			})
			must(d.t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				d := newDrop(t, s, m, guarded)
				agree(d)
				if r := d.rollout(); r.Live != 2 || r.Agreed != 0 {
					t.Fatalf("agreed, the rollout is %+v", r)
				}
				must(t, waits(d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: "p179"})})))
				if r := d.rollout(); r.Agreed != 2 {
					t.Errorf("one person's step counts from ruleset %d", r.Agreed)
				}
				err := waits(d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: "p121"})}))
				if err == nil {
					t.Error("a step of 32 % does not wait")
				}
				_, err = d.undo() // what waits
				must(t, err)
				_, err = d.undo()
				must(t, err)
				_, err = d.undo()
				must(t, err)
				if o := d.place("ann"); o.Total != 100 {
					t.Errorf("undone, it costs %d", o.Total)
				}
				must(t, waits(d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: "p100"})})))
				if r := d.rollout(); r.Agreed != 1 {
					t.Errorf("after the undo a step counts from ruleset %d", r.Agreed)
				}
			})
		})
	}
}

// TestAFileThatMovesNoPriceNeedsNobody tightens what prices may do, and changes what has nothing to do with them, after a price
// has moved further than it may from now on.
func TestAFileThatMovesNoPriceNeedsNobody(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), func(c *core.Campaign) {
			at100(c)
			c.Guards.MaxPriceChange = 6000
		})
		file := func(c *core.Campaign) {
			c.Ruleset, c.Guards.MaxPriceChange = []core.Binding{{Mechanic: "p150"}}, 100
		}
		must(t, waits(d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: "p150"})})))
		_, err := d.apply(d.with(file))
		must(t, err)
		_, err = d.apply(d.with(func(c *core.Campaign) {
			file(c)
			c.Items[0].Stock = 2000
		}))
		must(t, err)
	})
}

// TestAFileIsMeasuredByWhatSeveralUndosBringBack has a small step wait behind others until the list price makes it a large one.
func TestAFileIsMeasuredByWhatSeveralUndosBringBack(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		m := mechanics{"p100": priceOf(100), "p101": priceOf(101), "follows": func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			return append(effects, core.Effect{Kind: core.EffectPrice, Amount: f.Item.Price * 119 / 10_000}), nil
		}}
		d := newDrop(t, s, m, func(c *core.Campaign) {
			guarded(c)
			c.Items[0].Price = 10_000
		})
		for _, mechanic := range []string{"follows", "p100", "p101"} {
			must(t, waits(d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: mechanic})})))
		}
		_, err := d.apply(d.with(func(c *core.Campaign) { c.Items[0].Price, c.Ruleset = 11_000, []core.Binding{{Mechanic: "p101"}} }))
		wantCode(t, err, core.CodeApprovalRequired)
		if !strings.Contains(err.Error(), "by ruleset 2, which decides for some or may decide again, the price of an order of mi2 moves from 100 to 130") {
			t.Errorf("it waits because %v", err)
		}
	})
}

// TestADemoThatJumpsCountsFromTheTimesThatItJumpedTo has prices that follow from when the sale opens, and one that moves by little.
func TestADemoThatJumpsCountsFromTheTimesThatItJumpedTo(t *testing.T) {
	early := func(share int64) func(*core.Facts, []core.Effect) ([]core.Effect, error) {
		return func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			amount := 2 * share
			if f.Now < f.Campaign.SaleOpens+time.Minute.Milliseconds() {
				amount = share
			}
			return append(effects, core.Effect{Kind: core.EffectPrice, Amount: amount}), nil
		}
	}
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, mechanics{"early": early(100), "dearer": early(105)}, nil)
		at := func(shift time.Duration, mechanic string) {
			_, err := d.ApplyCampaign(t.Context(), core.ApplyRequest{
				Definition: d.with(func(c *core.Campaign) {
					c.Phases.Sale, c.Phases.Closed = opening.Add(shift), opening.Add(time.Hour+shift)
					c.Ruleset, c.Guards.MaxPriceChange = []core.Binding{{Mechanic: mechanic}}, 2000
				}), Demo: true, Jump: true, Actor: operatorCalled("op"), Reason: "jump",
			})
			must(t, err)
		}
		for i := range 20 {
			at(time.Duration(i)*10*time.Second, "early")
		}
		at(200*time.Second, "dearer")
	})
}

// TestWhatWasFreeBeforeAGuardIsAgreedOn moves prices far while nobody has to be asked, and then asks for two.
func TestWhatWasFreeBeforeAGuardIsAgreedOn(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), at100)
		d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: "p200"})})
		guarded := func(c *core.Campaign) {
			c.Ruleset, c.Guards.MaxPriceChange = []core.Binding{{Mechanic: "p200"}}, 3000
		}
		_, err := d.apply(d.with(guarded))
		must(t, err)
		must(t, waits(d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: d.add(core.Binding{Mechanic: "p200"}), Percent: 1})))
		if waits(d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: "p100"})})) == nil {
			t.Error("half the price does not wait")
		}
	})
}

// TestMoneyThatSmallStepsMoveAddsUp gives the price of one more tenth of the shoppers away each time.
func TestMoneyThatSmallStepsMoveAddsUp(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		m := mechanics{"p100": priceOf(100)}
		for n := range 4 {
			m[fmt.Sprint("to-", n)] = func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
				amount := int64(100)
				if f.Shopper.Tier != "" && int(f.Shopper.Tier[0]-'0') < n {
					amount = 50
				}
				return append(effects, core.Effect{Kind: core.EffectPrice, Amount: amount}), nil
			}
		}
		d := newDrop(t, s, m, func(c *core.Campaign) {
			at100(c)
			c.Guards.MaxMoneyChange = 1100
		})
		for i := range 10 {
			_, err := d.request(d.Engine, fmt.Sprint("s", i), fmt.Sprint(i))
			must(t, err)
		}
		d.waitsFor(d.add(core.Binding{Mechanic: "to-1"}), "")
		d.waitsFor(d.add(core.Binding{Mechanic: "to-2"}), "")
		d.waitsFor(d.add(core.Binding{Mechanic: "to-3"}),
			"of 1000 that the newest orders by what two people agreed on last cost, 150 move, which is more than 11.00 %")
	})
}
