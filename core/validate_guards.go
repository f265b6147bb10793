package core

// guards checks what takes a ruleset back.
func (v *validation) guards() {
	g := &v.campaign.Guards
	v.upTo("guards.spend_per_minute", g.SpendPerMinute, MaxBudget)
	v.upTo("guards.budget_share", g.BudgetShare, MaxShare)
	if g.BudgetShare > 0 && v.campaign.Guardrails.DiscountBudget == 0 {
		v.problems.Add("guards.budget_share", "means nothing without guardrails.discount_budget")
	}
	v.upTo("guards.error_rate", g.ErrorRate, MaxShare)
	v.upTo("guards.denial_rate", g.DenialRate, MaxShare)
	v.upTo("guards.fuel_p99", g.FuelP99, MaxFuel)
	v.upTo("guards.order_value_drop", g.OrderValueDrop, MaxShare)
	v.upTo("guards.min_orders", g.MinOrders, MaxGuarded)
	v.upTo("guards.max_price_change", g.MaxPriceChange, MaxPriceMove)
	v.upTo("guards.max_money_change", g.MaxMoneyChange, MaxPriceMove)
	v.breaker(g.Breaker)
}

func (v *validation) breaker(b BreakerTerms) {
	v.upTo("guards.breaker.failures", b.Failures, WholeShare)
	v.upTo("guards.breaker.min", b.Min, MaxGuarded)
	if b.Pause != 0 && (b.Pause < MinPause || b.Pause > MaxPause) {
		v.problems.Add("guards.breaker.pause", "must be between 1s and 10m")
	}
}
