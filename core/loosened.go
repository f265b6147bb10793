package core

import (
	"fmt"
	"maps"
	"slices"
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
		sku := next.Items[i].SKU
		before, after := c.minPrice(sku), next.minPrice(sku)
		switch {
		case c.Item(sku) == nil:
			return fmt.Sprintf("the file adds the item %s, of which there is no price to compare with", sku)
		case after < before:
			return fmt.Sprintf("the file lowers the least price of %s from %d to %d", sku, before, after)
		}
	}
	return c.released(next)
}

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

// ceilings are the limits on money that both files may have.
func (c *Campaign) ceilings(next *Campaign) []ceiling {
	before, after := &c.Guardrails, &next.Guardrails
	was, is := &c.Guards, &next.Guards
	return []ceiling{
		{"guards.max_price_change", was.MaxPriceChange, is.MaxPriceChange},
		{"guards.max_money_change", was.MaxMoneyChange, is.MaxMoneyChange},
		{"guards.spend_per_minute", was.SpendPerMinute, is.SpendPerMinute},
		{"guards.budget_share", was.BudgetShare, is.BudgetShare},
		{"guardrails.max_discount", before.MaxDiscount, after.MaxDiscount},
		{"guardrails.discount_budget", before.DiscountBudget, after.DiscountBudget},
	}
}

// released says which quota or pool of vouchers gives more away than before, "" if none does. A new one does.
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
	return ""
}
