package core

import (
	"iter"
	"slices"
)

// stackGroup is the bindings that stack with each other, as indexes, in ruleset order.
type stackGroup struct {
	mode    Stacking
	members []int
}

// groupBindings returns the stacking groups in the order of their first binding; a binding without a group stands alone.
func groupBindings(bindings []Binding, stacking map[string]Stacking) []stackGroup {
	var groups []stackGroup
	at := map[string]int{}
	for i, b := range bindings {
		if n, ok := at[b.Group]; ok && b.Group != "" {
			groups[n].members = append(groups[n].members, i)
			continue
		}
		mode := stacking[b.Group]
		if mode == "" || b.Group == "" {
			mode = StackAll
		}
		at[b.Group] = len(groups)
		groups = append(groups, stackGroup{mode: mode, members: []int{i}})
	}
	return groups
}

// settle stacks the effects and bounds the price. A guardrail may take a discount back, but never turns a gift into a
// purchase: where the guardrails do not leave the total as the effects would have it, the bindings that add a line below
// its list price go first, the last one in ruleset order before the others, with everything they asked for.
func (d *decision) settle(groups []stackGroup) error {
	for {
		if err := d.stack(groups); err != nil || !d.priced {
			return err
		}
		asked, err := d.price.total()
		if err != nil {
			return err
		}
		if d.total, err = d.price.bound(d.campaign.Guardrails, d.budgetLeft); err != nil {
			return err
		}
		gift := -1
		if d.total > asked {
			gift = d.lastGift(groups)
		}
		if gift < 0 {
			return d.conclude(groups)
		}
		d.steps[gift].outcome = outcomeGuarded
		d.restart()
	}
}

// conclude fills in what follows from the bounded price.
func (d *decision) conclude(groups []stackGroup) error {
	list, err := d.price.listTotal()
	if err != nil {
		return err
	}
	d.off = max(0, list-d.total)
	if d.price.deposit.amount > 0 && d.price.deposit.amount < d.total {
		terms := d.price.deposit
		d.deposit = &terms
	}
	if d.price.group.size > 0 {
		terms := d.price.group
		d.group = &terms
		if d.ungrouped, err = d.withoutGroup(groups); err != nil {
			return err
		}
	}
	d.rendered, err = d.price.lines(d.total)
	return err
}

// withoutGroup is what the same effects would make the order cost without the group's price, within the same guardrails.
func (d *decision) withoutGroup(groups []stackGroup) (int64, error) {
	p := d.price.plain()
	p.alone = true
	for i := range d.applied(groups) {
		for n := range d.steps[i].effects {
			if err := p.apply(&d.steps[i].effects[n], d.campaign); err != nil {
				return 0, err
			}
		}
	}
	return p.bound(d.campaign.Guardrails, d.budgetLeft)
}

// applied yields the bindings whose effects count, in the order in which the groups apply them.
func (d *decision) applied(groups []stackGroup) iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, g := range groups {
			for _, i := range g.members {
				if d.steps[i].outcome == outcomeApplied && !yield(i) {
					return
				}
			}
		}
	}
}

// lastGift returns the last binding that applies and adds a line below its list price, or -1.
func (d *decision) lastGift(groups []stackGroup) int {
	for _, g := range slices.Backward(groups) {
		for _, i := range slices.Backward(g.members) {
			if s := &d.steps[i]; s.outcome == outcomeApplied && slices.ContainsFunc(s.effects, d.campaign.isGift) {
				return i
			}
		}
	}
	return -1
}

// isGift reports whether the effect adds a line below its list price.
func (c *Campaign) isGift(e Effect) bool {
	if e.Kind != EffectAdd {
		return false
	}
	item := c.Item(e.Name)
	return item != nil && e.Amount < item.Price
}

// restart forgets what was stacked.
func (d *decision) restart() {
	d.price, d.takes, d.once, d.duties, d.notes = d.price.plain(), nil, nil, nil, nil
	for i := range d.steps {
		if d.steps[i].outcome == outcomeStacked {
			d.steps[i].outcome = outcomeApplied
		}
	}
}

// stack applies the groups in order.
func (d *decision) stack(groups []stackGroup) error {
	for _, g := range groups {
		winner, err := d.winner(g)
		if err != nil {
			return err
		}
		for _, i := range g.members {
			s := &d.steps[i]
			if s.outcome != outcomeApplied {
				continue
			}
			if g.mode != StackAll && i != winner {
				s.outcome = outcomeStacked
				continue
			}
			if err := d.apply(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// winner returns the index of the one binding that applies in a best or first group, or -1. Where no price is made, best
// is first.
func (d *decision) winner(g stackGroup) (int, error) {
	winner := -1
	var best price
	var lowest int64
	for _, i := range g.members {
		if d.steps[i].outcome != outcomeApplied {
			continue
		}
		if g.mode != StackBest || !d.priced {
			return i, nil
		}
		trial, total, err := d.try(&d.steps[i])
		if err != nil {
			return -1, err
		}
		if winner < 0 || total < lowest || total == lowest && d.engine != engineTies && trial.compare(&best) < 0 {
			winner, best, lowest = i, trial, total
		}
	}
	return winner, nil
}

// try returns what the price would be with the step's effects, and its total.
func (d *decision) try(s *step) (price, int64, error) {
	trial := d.price
	for n := range s.effects {
		if err := trial.apply(&s.effects[n], d.campaign); err != nil {
			return trial, 0, err
		}
	}
	total, err := trial.total()
	return trial, total, err
}

// apply takes a step's effects into the decision.
func (d *decision) apply(s *step) error {
	for i := range s.effects {
		e := &s.effects[i]
		if d.priced {
			if err := d.price.apply(e, d.campaign); err != nil {
				return err
			}
		}
		switch e.Kind {
		case EffectTake:
			d.takes = append(d.takes, Take{Counter: QuotaCounter(e.Name), Units: e.Units})
		case EffectOnce:
			if !slices.Contains(d.once, e.Name) {
				d.once = append(d.once, e.Name)
			}
		case EffectOblige:
			d.duties = append(d.duties, Condition{Kind: e.Name, Data: appendData(nil, e.Data), State: ConditionOpen})
		case EffectGrant, EffectEnter, EffectTag, EffectNotify, EffectReply:
			d.notes = append(d.notes, note{effect: *e, manifest: s.manifest})
		}
	}
	return nil
}

// lines returns the order's lines, what the shopper asked for first; their amounts make up the total. None at a hook
// without a price.
func (d *decision) lines() []Line { return d.rendered }
