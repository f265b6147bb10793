package core

import (
	"encoding/json"
	"slices"

	"hotdrop/core/money"
)

// seatTerms is the data of an order's group condition.
type seatTerms struct {
	Difference *int64 `json:"difference"` // what the order costs more without the group's price; nil in orders of earlier versions
	Group      string `json:"group"`
	Returns    int64  `json:"returns"` // what the discount budget gets back when the difference is paid; minor units, like it
}

// seatTerms are what is pinned of the group with a decided order.
func (q *quoted) seatTerms(group string) *seatTerms {
	d := q.decision
	difference := max(0, d.ungrouped-d.total)
	t := &seatTerms{Difference: &difference, Group: group}
	if q.snapshot.definition().Guardrails.DiscountBudget > 0 {
		t.Returns = min(d.off, difference)
	}
	return t
}

// appendJSON appends the terms as canonical JSON.
func (t *seatTerms) appendJSON(b []byte) []byte {
	b = appendInt(b, `{"difference":`, *t.Difference)
	b = appendString(append(b, `,"group":`...), t.Group)
	return append(appendInt(b, `,"returns":`, t.Returns), '}')
}

// seat returns the terms of the order's group condition; an error if it has none, or none that can be read.
func (o *Order) seat() (seatTerms, error) {
	var t seatTerms
	condition := o.groupCondition()
	if condition == nil {
		return t, Errorf(CodeInternal, "the order %q has no group", o.ID)
	}
	if err := json.Unmarshal(condition.Data, &t); err != nil {
		return t, storeError(err)
	}
	return t, nil
}

// group returns the id of the order's group, or "".
func (o *Order) group() string {
	t, _ := o.seat()
	return t.Group
}

// rebate is what the discount budget has back of what the order took: the group's part of it, once the difference is paid.
func (o *Order) rebate() int64 {
	if condition := o.groupCondition(); condition == nil || condition.State != ConditionWaived {
		return 0
	}
	t, _ := o.seat()
	return t.Returns
}

// held is what the order has of what it took.
func (o *Order) held() []Take {
	back := o.rebate()
	if back == 0 {
		return o.Takes
	}
	takes := slices.Clone(o.Takes)
	for i := range takes {
		if takes[i].Counter == CounterBudget {
			takes[i].Units -= back
		}
	}
	return takes
}

// difference is what an order costs more without its group than has been paid for it, minor units. Every other discount
// stays. An order of an earlier version has no such pin: it is then its first line at the item's price when the order was
// placed, its other lines as they are.
func (o *Order) difference() (int64, error) {
	terms, err := o.seat()
	if err != nil {
		return 0, err
	}
	if terms.Difference != nil {
		return *terms.Difference, nil
	}
	facts, _, err := o.pinned()
	if err != nil {
		return 0, err
	}
	full, err := money.Mul(facts.Item.Price, o.Lines[0].Units)
	if err != nil {
		return 0, storeError(err)
	}
	for _, line := range o.Lines[1:] {
		full += line.Amount
	}
	return full - o.paidSum(), nil
}

// paidSum is what is paid of the order's dues, minor units.
func (o *Order) paidSum() int64 {
	var sum int64
	for i := range o.Dues {
		if o.Dues[i].State == DuePaid {
			sum += o.Dues[i].Amount
		}
	}
	return sum
}

// pinned returns the facts that the order was decided by, and the number of the ruleset that decided.
func (o *Order) pinned() (*Facts, int64, error) {
	var quote struct {
		Facts   Facts `json:"facts"`
		Ruleset int64 `json:"ruleset"`
	}
	if err := json.Unmarshal(o.Quote, &quote); err != nil {
		return nil, 0, storeError(err)
	}
	return &quote.Facts, quote.Ruleset, nil
}
