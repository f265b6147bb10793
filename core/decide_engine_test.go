package core_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

// generous are mechanics that give all they can, each in its own way.
func generous() mechanics {
	return mechanics{
		"off": func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			return append(effects, core.Effect{Kind: core.EffectDiscount, Amount: 30_000}), nil
		},
		"gift": func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			return append(effects, core.Effect{Kind: core.EffectAdd, Name: "case", Units: 2, Amount: 0}), nil
		},
	}
}

// TestABudgetIsNeverOverspentByManyAtOnce has forty shoppers at two nodes order at the same moment what gives 40,000 each,
// of a budget of 250,000. Whoever comes later gets less, and never pays for a gift.
func TestABudgetIsNeverOverspentByManyAtOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, generous(), func(def *core.Campaign) {
			def.Items[0].Stock = 100
			def.Items = append(def.Items, core.Item{
				SKU: "case", Title: core.Text{EN: "Case"}, Price: 5_000, Stock: 60, Hold: core.Duration(15 * time.Minute),
			})
			def.Guardrails.DiscountBudget = 250_000
			def.Ruleset = []core.Binding{{Mechanic: "off"}, {Mechanic: "gift"}}
		})
		nodes := []*core.Engine{d.Engine, d.node(generous(), nil)}
		orders := make([]*core.Order, 40)
		var all sync.WaitGroup
		for i := range orders {
			all.Go(func() {
				order, _, err := nodes[i%2].Place(context.Background(), buy(fmt.Sprintf("s%d", i), "k"))
				if err != nil && core.CodeOf(err) != core.CodeQuotaExhausted { // the budget ran out twice while it was decided
					t.Error(err)
				}
				orders[i] = order
			})
		}
		all.Wait()
		var given, cases, units int64
		for _, o := range orders {
			if o == nil {
				continue
			}
			units += o.Lines[0].Units
			list := o.Lines[0].Units * 199_900
			for _, line := range o.Lines[1:] {
				list, cases = list+line.Units*5_000, cases+line.Units
				if line.Amount != 0 {
					t.Errorf("a gift costs %d", line.Amount)
				}
			}
			given += list - o.Total
		}
		state, err := s.Load(context.Background(), core.Query{Campaign: "phone", Brand: "xiaomi", Counters: true})
		must(t, err)
		for counter, want := range map[string]int64{
			core.CounterBudget: 250_000 - given, core.StockCounter("case"): 60 - cases, core.StockCounter("mi2"): 100 - units,
		} {
			if left := state.Counters[counter].Remaining; left != want || left < 0 {
				t.Errorf("%d are left of %s, want %d", left, counter, want)
			}
		}
		d.audit()
	})
}

// TestUnitsThatAreAddedCountForTheLimit buys one of an item of which a shopper may have two, and is given one.
func TestUnitsThatAreAddedCountForTheLimit(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, mechanics{"one-more": func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			return append(effects, core.Effect{Kind: core.EffectAdd, Name: "mi2", Units: 1, Amount: 0}), nil
		}}, func(def *core.Campaign) {
			def.Items[0].Limit = 2
			def.Ruleset = []core.Binding{{Mechanic: "one-more"}}
		})
		o := d.place("ann")
		if len(o.Lines) != 2 || o.Total != 199_900 || d.left() != 8 {
			t.Errorf("%+v, %d are left", o.Lines, d.left())
		}
		_, _, err := d.Place(t.Context(), buy("ann", "again"))
		wantCode(t, err, core.CodeLimitReached)
		_, err = d.Cancel(t.Context(), core.OrderAction{Order: o.ID, Shopper: "ann", Key: "c"})
		must(t, err)
		if d.left() != 10 {
			t.Errorf("%d are left after the order was cancelled", d.left())
		}
		d.audit()
	})
}
