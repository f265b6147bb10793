package core

import (
	"slices"

	"hotdrop/core/money"
)

// price is the running price of one order while effects are applied to it. Amounts are minor units.
type price struct {
	quantity int64
	list     int64 // per unit, without mechanics
	unit     int64 // per unit, after price effects
	discount int64 // money off the order
	labels   []Text
}

// total is what the order costs so far; never below 0.
func (p *price) total() (int64, error) {
	gross, err := money.Mul(p.unit, p.quantity)
	if err != nil {
		return 0, err
	}
	return max(0, gross-p.discount), nil
}

// listTotal is what the order costs without mechanics.
func (p *price) listTotal() (int64, error) { return money.Mul(p.list, p.quantity) }

// apply changes the price by the effect; effects that are not about money leave it as it is.
func (p *price) apply(e *Effect) error {
	var err error
	switch e.Kind {
	case EffectPrice:
		p.unit = e.Amount
	case EffectDiscount:
		p.discount, err = money.Add(p.discount, e.Amount)
	case EffectDiscountPercent:
		err = p.applyPercent(e.Amount)
	default:
		return nil
	}
	if !e.Text.IsZero() {
		p.labels = append(slices.Clip(p.labels), e.Text)
	}
	return err
}

func (p *price) applyPercent(basisPoints int64) error {
	total, err := p.total()
	if err != nil {
		return err
	}
	off, err := money.BasisPoints(total, basisPoints)
	if err != nil {
		return err
	}
	p.discount, err = money.Add(p.discount, off)
	return err
}

// bound keeps the total within the guardrails and returns it: never more than maxDiscount below the list price, never
// below minPrice a unit. budgetLeft bounds the discount too, unless it is negative.
func (p *price) bound(g Guardrails, budgetLeft int64) (int64, error) {
	total, err := p.total()
	if err != nil {
		return 0, err
	}
	list, err := p.listTotal()
	if err != nil {
		return 0, err
	}
	floor, err := money.Mul(g.MinPrice, p.quantity)
	if err != nil {
		return 0, err
	}
	if g.MaxDiscount > 0 {
		floor = max(floor, list-g.MaxDiscount)
	}
	if budgetLeft >= 0 {
		floor = max(floor, list-budgetLeft)
	}
	// A floor above the list price (a min_price set higher than an item's price) never makes an item dearer.
	return max(total, min(floor, list)), nil
}

// line renders the bounded total as the order's line: units × unit price − discount = total.
func (p *price) line(sku string, total int64) Line {
	l := Line{SKU: sku, Units: p.quantity, UnitPrice: p.unit, Amount: total, Labels: p.labels}
	if p.unit*p.quantity < total {
		l.UnitPrice = p.list
	}
	l.Discount = l.UnitPrice*l.Units - total
	return l
}
