package core

import (
	"cmp"
	"errors"
	"slices"

	"hotdrop/core/money"
)

const (
	// maxLines is how many lines one order may have, its own and those that effects add.
	maxLines = 32
)

// What a price cannot be made of, whatever the stacking.
var (
	errTwoDeposits  = errors.New("two mechanics ask for a deposit")
	errTwoGroups    = errors.New("two mechanics ask for a group")
	errDepositGroup = errors.New("one mechanic asks for a deposit and another for a group")
	errTooManyLines = errors.New("mechanics add more than 31 lines")
)

// price is the running price of one order while effects are applied to it. Amounts are minor units.
type price struct {
	sku      string
	quantity int64
	list     int64 // per unit, without mechanics
	least    int64 // per unit, whatever mechanics ask for; see Campaign.minPrice
	unit     int64 // per unit, after price effects
	discount int64 // money off the order
	labels   []Text
	added    []addition   // lines that effects added, in the order of the effects
	deposit  depositTerms // zero without a deposit
	group    groupTerms   // zero without a group
	alone    bool         // the group's price does not count
}

// addition is a line that an add effect put beside what the shopper asked for. Amounts are minor units a unit.
type addition struct {
	sku   string
	units int64
	list  int64 // what the item costs without mechanics
	least int64 // what it costs at least
	unit  int64 // what the effect asks for
	label Text
}

// plain is the price before any effect.
func (p *price) plain() price {
	return price{sku: p.sku, quantity: p.quantity, list: p.list, least: p.least, unit: p.list}
}

// gross is what the order costs before money is taken off it.
func (p *price) gross() (int64, error) {
	sum, err := money.Mul(p.unit, p.quantity)
	for i := range p.added {
		if err != nil {
			return 0, err
		}
		sum, err = addProduct(sum, p.added[i].unit, p.added[i].units)
	}
	return sum, err
}

// total is what the order costs so far; never below 0.
func (p *price) total() (int64, error) {
	gross, err := p.gross()
	return max(0, gross-p.discount), err
}

// listTotal is what everything in the order costs without mechanics, lines that effects added included.
func (p *price) listTotal() (int64, error) {
	sum, err := money.Mul(p.list, p.quantity)
	for i := range p.added {
		if err != nil {
			return 0, err
		}
		sum, err = addProduct(sum, p.added[i].list, p.added[i].units)
	}
	return sum, err
}

func addProduct(sum, a, b int64) (int64, error) {
	product, err := money.Mul(a, b)
	if err != nil {
		return 0, err
	}
	return money.Add(sum, product)
}

// apply changes the price by the effect; effects that are not about money leave it as it is. c is where an added line's
// list price comes from.
func (p *price) apply(e *Effect, c *Campaign) error {
	var err error
	switch e.Kind {
	case EffectPrice:
		p.unit = e.Amount
	case EffectDiscount:
		p.discount, err = money.Add(p.discount, e.Amount)
	case EffectDiscountPercent:
		err = p.applyPercent(e.Amount)
	case EffectAdd:
		return p.applyAdd(e, c)
	case EffectDeposit:
		return p.applyDeposit(e)
	case EffectGroup:
		return p.applyGroup(e)
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

func (p *price) applyAdd(e *Effect, c *Campaign) error {
	if len(p.added) == maxLines-1 {
		return errTooManyLines
	}
	line := addition{sku: e.Name, units: e.Units, unit: e.Amount, label: e.Text}
	if item := c.Item(e.Name); item != nil { // checkEffects lets no other through
		line.list, line.least = item.Price, c.minPrice(e.Name)
	}
	p.added = append(slices.Clip(p.added), line)
	return nil
}

// applyDeposit takes the deposit's terms; what it counts for beyond its amount is money off.
func (p *price) applyDeposit(e *Effect) error {
	if p.deposit != (depositTerms{}) {
		return errTwoDeposits
	}
	if p.group != (groupTerms{}) {
		return errDepositGroup
	}
	p.deposit = depositTerms{amount: e.Amount, credit: e.Credit}
	var err error
	p.discount, err = money.Add(p.discount, e.Credit-e.Amount)
	return err
}

// applyGroup takes the group's terms. Its price holds unless the shopper has a better one already: to need company never
// makes an item dearer.
func (p *price) applyGroup(e *Effect) error {
	if p.group != (groupTerms{}) {
		return errTwoGroups
	}
	if p.deposit != (depositTerms{}) {
		return errDepositGroup
	}
	p.group = groupTerms{size: e.Units, seconds: e.Seconds, price: e.Amount}
	if !p.alone {
		p.unit = min(p.unit, e.Amount)
	}
	return nil
}

// compare orders two prices by everything that later effects and the guardrails look at: those that compare as equal
// stay equal, whatever comes.
func (p *price) compare(q *price) int {
	return cmp.Or(
		cmp.Compare(p.unit, q.unit), cmp.Compare(p.discount, q.discount), slices.CompareFunc(p.added, q.added, addition.compare),
		cmp.Compare(p.deposit.amount, q.deposit.amount), cmp.Compare(p.deposit.credit, q.deposit.credit),
		cmp.Compare(p.group.price, q.group.price), cmp.Compare(p.group.size, q.group.size),
		cmp.Compare(p.group.seconds, q.group.seconds),
	)
}

func (a addition) compare(b addition) int {
	return cmp.Or(cmp.Compare(a.sku, b.sku), cmp.Compare(a.units, b.units), cmp.Compare(a.unit, b.unit))
}

// bound keeps the total within the guardrails and returns it: never more than maxDiscount below the list price, never
// below the min_price of each unit (the order's units count together: a gift is paid for by what it comes with). budgetLeft bounds
// the discount too, unless it is negative.
func (p *price) bound(g Guardrails, budgetLeft int64) (int64, error) {
	total, err := p.total()
	if err != nil {
		return 0, err
	}
	list, err := p.listTotal()
	if err != nil {
		return 0, err
	}
	floor, err := p.floor()
	if err != nil {
		return 0, err
	}
	if g.MaxDiscount > 0 {
		floor = max(floor, list-g.MaxDiscount)
	}
	if budgetLeft >= 0 {
		floor = max(floor, list-budgetLeft)
	}
	return max(total, floor), nil
}

// floor is the least that the order's units may cost together. A floor above an item's list price (a min_price set higher
// than that) never makes an item dearer.
func (p *price) floor() (int64, error) {
	sum, err := money.Mul(min(p.least, p.list), p.quantity)
	for i := range p.added {
		if err != nil {
			return 0, err
		}
		sum, err = addProduct(sum, min(p.added[i].least, p.added[i].list), p.added[i].units)
	}
	return sum, err
}

// lines renders the bounded total as the order's lines, what the shopper asked for first. For each of them units × unit
// price − discount = amount, and the amounts make up the total: what is off the order is allocated by what the lines cost.
func (p *price) lines(total int64) ([]Line, error) {
	gross, err := p.gross()
	if err != nil {
		return nil, err
	}
	lines := make([]Line, 1, 1+len(p.added))
	lines[0] = newLine(p.sku, p.quantity, p.unit)
	lines[0].Labels = p.labels
	for i := range p.added {
		a := &p.added[i]
		line := newLine(a.sku, a.units, a.unit)
		if !a.label.IsZero() {
			line.Labels = []Text{a.label}
		}
		lines = append(lines, line)
	}
	switch off := gross - total; {
	case off < 0:
		// A guardrail raised the total above what the unit prices make. No added line is below its list price then (see
		// decision.settle), so that the room is in the first line.
		first := &lines[0]
		first.Amount -= off
		first.UnitPrice = p.list
		first.Discount = p.list*p.quantity - first.Amount
		return lines, nil
	case len(lines) == 1:
		lines[0].take(off)
		return lines, nil
	default:
		return lines, allocate(lines, off)
	}
}

func newLine(sku string, units, unitPrice int64) Line {
	return Line{SKU: sku, Units: units, UnitPrice: unitPrice, Amount: units * unitPrice}
}

// take takes money off the line.
func (l *Line) take(off int64) {
	l.Discount += off
	l.Amount -= off
}

// allocate takes money off the lines, in proportion to what each costs. It is at most what they cost together.
func allocate(lines []Line, off int64) error {
	if off == 0 {
		return nil
	}
	weights := make([]int64, len(lines))
	for i := range lines {
		weights[i] = lines[i].Amount
	}
	parts, err := money.Allocate(off, weights)
	if err != nil {
		return err
	}
	for i := range lines {
		lines[i].take(parts[i])
	}
	return nil
}
