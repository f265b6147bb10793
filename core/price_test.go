package core

import (
	"testing"

	"pgregory.net/rapid"
)

// anyEffects draws effects that concern money and are within what checkEffects lets through.
func anyEffects() *rapid.Generator[[]Effect] {
	one := rapid.Custom(func(t *rapid.T) Effect {
		kind := rapid.SampledFrom([]EffectKind{EffectDiscount, EffectDiscountPercent, EffectPrice, EffectOnce}).Draw(t, "kind")
		most := int64(maxAmount)
		if kind == EffectDiscountPercent {
			most = maxBasisPoints
		}
		return Effect{
			Kind: kind, Name: "k", Amount: rapid.OneOf(rapid.Int64Range(0, most), rapid.Int64Range(0, min(most, 300_000))).Draw(t, "amount"),
		}
	})
	return rapid.SliceOfN(one, 0, 64)
}

func TestWhateverEffectsComeInThePriceStaysWithinTheGuardrails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.Int64Range(0, 1_000_000_000_000).Draw(t, "list")
		p := price{quantity: rapid.Int64Range(1, maxQuantity).Draw(t, "quantity"), list: list, unit: list}
		g := Guardrails{
			MinPrice:    rapid.Int64Range(0, 500_000).Draw(t, "min_price"),
			MaxDiscount: rapid.Int64Range(0, 500_000).Draw(t, "max_discount"),
		}
		budget := rapid.Int64Range(-1, 500_000).Draw(t, "budget")
		dearer := false
		effects := anyEffects().Draw(t, "effects")
		for i := range effects {
			dearer = dearer || effects[i].Kind == EffectPrice && effects[i].Amount > list
			if err := p.apply(&effects[i]); err != nil {
				t.Fatalf("effect %+v: %v", effects[i], err)
			}
		}
		total, err := p.bound(g, budget)
		if err != nil {
			t.Fatal(err)
		}
		whole := list * p.quantity
		if total < min(g.MinPrice*p.quantity, whole) {
			t.Fatalf("total %d is below the floor of %d × %d", total, p.quantity, g.MinPrice)
		}
		if g.MaxDiscount > 0 && whole-total > g.MaxDiscount {
			t.Fatalf("total %d is more than %d below %d", total, g.MaxDiscount, whole)
		}
		if budget >= 0 && whole-total > budget {
			t.Fatalf("total %d gives away more than the %d that are left", total, budget)
		}
		if total > whole && !dearer {
			t.Fatalf("total %d is above the list price %d though no effect said so", total, whole)
		}
		l := p.line("sku", total)
		if l.Amount != total || l.Units*l.UnitPrice-l.Discount != total || l.Discount < 0 {
			t.Fatalf("line %+v does not make up the total %d", l, total)
		}
	})
}

func TestPrice(t *testing.T) {
	for _, tt := range []struct {
		name    string
		effects []Effect
		rails   Guardrails
		budget  int64
		want    int64
	}{
		{"without effects is the list price", nil, Guardrails{}, -1, 20_000},
		{"a price effect is per unit", []Effect{{Kind: EffectPrice, Amount: 9_000}}, Guardrails{}, -1, 18_000},
		{"a discount is off the order", []Effect{{Kind: EffectDiscount, Amount: 1}}, Guardrails{}, -1, 19_999},
		{"a percentage is of the running total", []Effect{
			{Kind: EffectDiscount, Amount: 10_000}, {Kind: EffectDiscountPercent, Amount: 1_000},
		}, Guardrails{}, -1, 9_000},
		{"a percentage rounds half up", []Effect{
			{Kind: EffectPrice, Amount: 25}, {Kind: EffectDiscountPercent, Amount: 5_000},
		}, Guardrails{}, -1, 25},
		{"never falls below 0", []Effect{{Kind: EffectDiscount, Amount: 30_000}}, Guardrails{}, -1, 0},
		{"stops at the discount cap", []Effect{{Kind: EffectDiscount, Amount: 30_000}}, Guardrails{MaxDiscount: 5_000}, -1, 15_000},
		{"stops at the price floor", []Effect{{Kind: EffectPrice, Amount: 1}}, Guardrails{MinPrice: 100}, -1, 200},
		{"gives no more than the budget has", []Effect{{Kind: EffectDiscount, Amount: 500}}, Guardrails{}, 200, 19_800},
		{"gives nothing once the budget is spent", []Effect{{Kind: EffectPrice, Amount: 1}}, Guardrails{}, 0, 20_000},
		{"a floor above the list price does not make it dearer", nil, Guardrails{MinPrice: 50_000}, -1, 20_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := price{quantity: 2, list: 10_000, unit: 10_000}
			for i := range tt.effects {
				if err := p.apply(&tt.effects[i]); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := p.bound(tt.rails, tt.budget); err != nil || got != tt.want {
				t.Errorf("total = %d, %v, want %d", got, err, tt.want)
			}
		})
	}
}
