package core

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// loosened says what the next campaign file allows that this one does not, "" if there is nothing: that takes a second
// person where the campaign asks for one. Tightening takes nobody else.
func (c *Campaign) loosened(next *Campaign) string {
	for _, ceiling := range c.ceilings(next) {
		if why := ceiling.raised(); why != "" {
			return why
		}
	}
	for i := range next.Items {
		if why := c.loosenedItem(next, next.Items[i].SKU); why != "" {
			return why
		}
	}
	return c.released(next)
}

// loosenedItem says what the next file allows of one of its items, "" if there is nothing.
func (c *Campaign) loosenedItem(next *Campaign, sku string) string {
	item := c.Item(sku)
	if item == nil {
		return fmt.Sprintf("the file adds the item %s, of which there is no price to compare with", sku)
	}
	if before, after := c.minPrice(sku), next.minPrice(sku); after < before {
		return fmt.Sprintf("the file lowers the least price of %s from %d to %d", sku, before, after)
	}
	return ceiling{"items." + sku + ".limit", item.Limit, next.Item(sku).Limit}.raised()
}

// prolonged says what the next campaign file sells or keeps valid for longer than this one, "" if there is nothing. Nobody has
// measured what a ruleset does at moments that are new: it may be cheap only then.
func (c *Campaign) prolonged(next *Campaign) string {
	for i := range next.Items {
		item := c.Item(next.Items[i].SKU)
		if item == nil {
			continue
		}
		before, after := c.Window(item), next.Window(&next.Items[i])
		switch {
		case after.Sale.Before(before.Sale):
			return fmt.Sprintf("the file has %s on sale from %s, before from %s", item.SKU, instant(after.Sale), instant(before.Sale))
		case after.Closed.After(before.Closed):
			return fmt.Sprintf("the file has %s on sale until %s, before until %s", item.SKU, instant(after.Closed), instant(before.Closed))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(next.VoucherPools)) {
		before, after := c.VoucherPools[name].Expires, next.VoucherPools[name].Expires
		switch {
		case before.IsZero() || !after.IsZero() && !after.After(before):
		case after.IsZero():
			return fmt.Sprintf("the file removes voucher_pools.%s.expires, which is %s", name, instant(before))
		default:
			return fmt.Sprintf("the file raises voucher_pools.%s.expires from %s to %s", name, instant(before), instant(after))
		}
	}
	return ""
}

// instant is a moment as campaign files have it.
func instant(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// ceiling is an upper limit of a campaign file, before and after a change; 0 is no limit.
type ceiling struct {
	path          string
	before, after int64
}

// raised says that the limit allows more than before, "" if it does not.
func (b ceiling) raised() string {
	switch {
	case b.before == 0 || b.after > 0 && b.after <= b.before:
		return ""
	case b.after == 0:
		return fmt.Sprintf("the file removes %s, which is %d", b.path, b.before)
	default:
		return fmt.Sprintf("the file raises %s from %d to %d", b.path, b.before, b.after)
	}
}

// ceilings are the limits that both files may have.
func (c *Campaign) ceilings(next *Campaign) []ceiling {
	before, after := &c.Guardrails, &next.Guardrails
	was, is := &c.Guards, &next.Guards
	wasBreaker, isBreaker := was.Breaker.terms(), is.Breaker.terms()
	return []ceiling{
		{"guards.error_rate", was.ErrorRate, is.ErrorRate},
		{"guards.denial_rate", was.DenialRate, is.DenialRate},
		{"guards.fuel_p99", was.FuelP99, is.FuelP99},
		{"guards.breaker.failures", wasBreaker.Failures, isBreaker.Failures},
		{"guards.breaker.min", wasBreaker.Min, isBreaker.Min},
		{"guards.max_price_change", was.MaxPriceChange, is.MaxPriceChange},
		{"guards.max_money_change", was.MaxMoneyChange, is.MaxMoneyChange},
		{"guards.spend_per_minute", was.SpendPerMinute, is.SpendPerMinute},
		{"guards.budget_share", was.BudgetShare, is.BudgetShare},
		{"guards.order_value_drop", was.OrderValueDrop, is.OrderValueDrop},
		{"guards.min_orders", was.minOrders(), is.minOrders()},
		{"guardrails.max_discount", before.MaxDiscount, after.MaxDiscount},
		{"guardrails.discount_budget", before.DiscountBudget, after.DiscountBudget},
	}
}

// released says which quota, pool of vouchers or draw gives more away than before, "" if none does. A new one does.
func (c *Campaign) released(next *Campaign) string {
	for _, name := range slices.Sorted(maps.Keys(next.Quotas)) {
		if before, after := c.Quotas[name], next.Quotas[name]; after > before {
			return fmt.Sprintf("the file raises quotas.%s from %d to %d", name, before, after)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(next.VoucherPools)) {
		before, after := c.VoucherPools[name], next.VoucherPools[name]
		switch {
		case after.Count > before.Count:
			return fmt.Sprintf("the file raises voucher_pools.%s.count from %d to %d", name, before.Count, after.Count)
		case after.Value > before.Value:
			return fmt.Sprintf("the file raises voucher_pools.%s.value from %d to %d", name, before.Value, after.Value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(next.Draws)) {
		if before, after := c.Draws[name].Winners, next.Draws[name].Winners; after > before {
			return fmt.Sprintf("the file raises draws.%s.winners from %d to %d", name, before, after)
		}
	}
	return ""
}
