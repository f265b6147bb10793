package core_test

import (
	"testing"

	"hotdrop/core"
)

func TestGuardsOutOfBoundsAreNamed(t *testing.T) {
	const share = "must be between 0 and 9999, not " // a value that must be above all of it is no guard
	for _, tc := range []struct {
		name   string
		change func(g *core.Guards)
		want   string
	}{
		{"spending less than nothing", func(g *core.Guards) { g.SpendPerMinute = -1 }, "guards.spend_per_minute: must be between 0 and 1000000000000000000, not -1"},
		{"more than the whole budget", func(g *core.Guards) { g.BudgetShare++ }, "guards.budget_share: " + share + "10000"},
		{"a negative share of errors", func(g *core.Guards) { g.ErrorRate = -1 }, "guards.error_rate: " + share + "-1"},
		{"more denials than decisions", func(g *core.Guards) { g.DenialRate++ }, "guards.denial_rate: " + share + "10000"},
		{"more fuel than there is", func(g *core.Guards) { g.FuelP99++ }, "guards.fuel_p99: must be between 0 and 1000000000, not 1000000001"},
		{"a drop below nothing", func(g *core.Guards) { g.OrderValueDrop++ }, "guards.order_value_drop: " + share + "10000"},
		{"more orders than anybody waits for", func(g *core.Guards) { g.MinOrders++ }, "guards.min_orders: must be between 0 and 1000000, not 1000001"},
		{"a price that moves beyond measure", func(g *core.Guards) { g.MaxPriceChange++ }, "guards.max_price_change: must be between 0 and 1000000, not 1000001"},
		{"a breaker beyond all failures", func(g *core.Guards) { g.Breaker.Failures++ }, "guards.breaker.failures: must be between 0 and 10000, not 10001"},
		{"a breaker that needs less than nothing", func(g *core.Guards) { g.Breaker.Min = -1 }, "guards.breaker.min: must be between 0 and 1000000, not -1"},
		{"a pause of no time", func(g *core.Guards) { g.Breaker.Pause = core.MinPause - 1 }, "guards.breaker.pause: must be between 1s and 10m"},
		{"a pause that outlasts the sale", func(g *core.Guards) { g.Breaker.Pause = core.MaxPause + 1 }, "guards.breaker.pause: must be between 1s and 10m"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := properCampaign()
			tc.change(&c.Guards)
			if got := c.Validate().Error(); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestAShareOfNoBudgetIsNoGuard(t *testing.T) {
	c := properCampaign()
	c.Guardrails.DiscountBudget = 0
	want := "guards.budget_share: means nothing without guardrails.discount_budget"
	if got := c.Validate().Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Guards = core.Guards{}
	if err := c.Validate().Err(); err != nil {
		t.Errorf("without guards: %v", err)
	}
}
