package core_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"hotdrop/core"
)

func TestALostQuotaIsDecidedAfresh(t *testing.T) {
	discountWhileItLasts := func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
		if f.Quota["q"] == 0 {
			return effects, nil
		}
		return append(effects, core.Effect{Kind: core.EffectDiscount, Amount: 500},
			core.Effect{Kind: core.EffectTake, Name: "q", Units: 1}), nil
	}
	const quota, shoppers = 5, 40
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, mechanics{"q": discountWhileItLasts}, func(c *core.Campaign) {
			c.Items[0].Stock, c.Quotas = 100, map[string]int64{"q": quota}
			c.Ruleset = []core.Binding{{Mechanic: "q"}}
		})
		nodes := []*core.Engine{d.Engine, d.node(mechanics{"q": discountWhileItLasts}, nil)}
		var mu sync.Mutex
		totals, changed := map[int64]int{}, 0
		var rush sync.WaitGroup
		for i := range shoppers {
			rush.Go(func() {
				req := buy(fmt.Sprintf("s%d", i), "k")
				expect := int64(199_400)
				if i%2 == 0 {
					req.ExpectTotal = &expect
				}
				o, _, err := nodes[i/2%2].Place(context.Background(), req)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					totals[o.Total]++
				case core.CodeOf(err) == core.CodePriceChanged:
					changed++
				default:
					t.Error(err)
				}
			})
		}
		rush.Wait()
		if totals[199_400] != quota || totals[199_400]+totals[199_900]+changed != shoppers || changed == 0 {
			t.Errorf("totals %v, price changed %d", totals, changed)
		}
		d.audit()
	})
}

func TestAQuotaThatIsNeededAndGoneRefusesTheOrder(t *testing.T) {
	stubborn := func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
		return append(effects, core.Effect{Kind: core.EffectTake, Name: "q", Units: 1}), nil
	}
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, mechanics{"q": stubborn}, func(c *core.Campaign) {
			c.Quotas, c.Ruleset = map[string]int64{"q": 1}, []core.Binding{{Mechanic: "q"}}
		})
		d.place("ann")
		_, _, err := d.Place(t.Context(), buy("bob", "k"))
		wantCode(t, err, core.CodeQuotaExhausted)
		if d.left() != 9 {
			t.Errorf("%d left", d.left())
		}
		d.audit()
	})
}

func TestTheDiscountBudgetNeverFallsBelowZero(t *testing.T) {
	generous := func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
		return append(effects, core.Effect{Kind: core.EffectDiscount, Amount: 300}), nil
	}
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, mechanics{"g": generous}, func(c *core.Campaign) {
			c.Items[0].Stock, c.Guardrails.DiscountBudget = 100, 1000
			c.Ruleset = []core.Binding{{Mechanic: "g"}}
		})
		var mu sync.Mutex
		given := int64(0)
		var rush sync.WaitGroup
		for i := range 30 {
			rush.Go(func() {
				o, _, err := d.Place(context.Background(), buy(fmt.Sprintf("s%d", i), "k"))
				if err != nil {
					wantCode(t, err, core.CodeQuotaExhausted)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				given += 199_900 - o.Total
			})
		}
		rush.Wait()
		if given > 1000 || given < 900 {
			t.Errorf("gave away %d of 1000", given)
		}
		d.audit()
	})
}
