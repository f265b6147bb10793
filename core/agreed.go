package core

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// move is a change of prices: from those in force, and from those that two people agreed on last, to what comes next.
type move struct {
	now, agreed, next pricing
}

// decider is a ruleset that decides or may decide again, and the one whose prices it is held against.
type decider struct {
	ruleset, agreed int64
}

// agreedFile is the campaign file by which prices are measured that two people agreed on, or that was in force when nobody had
// to ask for a second one; nil for a campaign that is not there yet.
func (r *CampaignRecord) agreedFile() *Campaign { return cmp.Or(r.Agreed, r.Definition) }

// timedLike returns a copy of the file with the times of another.
func (c *Campaign) timedLike(other *Campaign) *Campaign {
	copied := *c
	copied.Phases, copied.Items = other.Phases, slices.Clone(c.Items)
	for i := range copied.Items {
		if item := other.Item(copied.Items[i].SKU); item != nil {
			copied.Items[i].Phases = item.Phases
		}
	}
	return &copied
}

// asksTwo reports whether a change of the campaign that risks money needs a second person.
func (r *CampaignRecord) asksTwo() bool {
	return r != nil && r.Definition != nil && r.Definition.Guards.fourEyes()
}

// agree notes that what is in force is what people have agreed on: a second one has, or nobody had to ask for one.
func (r *CampaignRecord) agree() {
	r.Agreed = nil
	r.Rollout.agree(r.Rollout.Live)
	if r.Rollout.Canary != nil {
		r.Rollout.agree(r.Rollout.Canary.Ruleset)
	}
}

// agree notes that a second person has agreed that the ruleset decides.
func (r *Rollout) agree(ruleset int64) {
	if r.Live == ruleset {
		r.Agreed = 0
	}
	if r.Canary != nil && r.Canary.Ruleset == ruleset {
		canary := *r.Canary
		canary.Agreed = true
		r.Canary = &canary
	}
}

// agreedRuleset is the ruleset that two people agreed on last, of which the live one came by the changes of one.
func (r *Rollout) agreedRuleset() int64 { return cmp.Or(r.Agreed, r.Live) }

// deciders are the rulesets that decide, or that a guard or the policy last_good goes back to.
func (r *Rollout) deciders() []decider {
	all := []decider{{r.Live, r.agreedRuleset()}}
	if r.LastGood != 0 {
		all = append(all, decider{r.LastGood, cmp.Or(r.LastGoodAgreed, r.LastGood)})
	}
	switch {
	case r.Canary == nil:
	case r.Canary.Agreed:
		all = append(all, decider{r.Canary.Ruleset, r.Canary.Ruleset})
	default:
		all = append(all, decider{r.Canary.Ruleset, r.agreedRuleset()})
	}
	return all
}

// mayReturn lists the rulesets that decide, and those that may decide without a further approval: by a guard, an undo, or a
// change that was approved and waits. Number 0 is among them: a stop leaves nothing but list prices.
func (e *Engine) mayReturn(ctx context.Context, current *CampaignRecord) ([]decider, error) {
	r := &current.Rollout
	all := append([]decider{{}}, r.deciders()...)
	if r.Pending != nil && r.Pending.ApprovedBy != "" {
		all = append(all, decider{r.Pending.Change.Ruleset, r.Pending.Change.Ruleset})
	}
	for number := r.Undo; number != 0 && len(all) <= maxReturning; {
		before, err := e.campaigns.Rollout(ctx, current.Definition.Key(), number)
		if err != nil {
			return nil, storeError(err)
		}
		if before == nil {
			break
		}
		all = sortedDeciders(append(all, before.Rollout.deciders()...))
		number = before.Rollout.Undo
	}
	return sortedDeciders(all), nil
}

// sortedDeciders sorts them by ruleset and drops what is there twice.
func sortedDeciders(all []decider) []decider {
	slices.SortFunc(all, func(a, b decider) int {
		return cmp.Or(cmp.Compare(a.ruleset, b.ruleset), cmp.Compare(a.agreed, b.agreed))
	})
	return slices.Compact(all)
}

// priced returns the ruleset's prices by the file; nil prices and why, if the ruleset does not compile here.
func (c *campaign) priced(ctx context.Context, def *Campaign, ruleset int64) (p pricing, why string, err error) {
	compiled, err := c.pinned(ctx, ruleset)
	if err != nil && passes(ctx, err) {
		return p, "", storeError(err)
	}
	if err != nil {
		why = fmt.Sprintf("how far prices move could not be measured: ruleset %d does not compile here", ruleset)
		return p, why, nil //nolint:nilerr // it is the reason
	}
	return pricing{def, compiled}, "", nil
}

// movesTooFar returns why somebody else has to approve what comes next, "" if nobody has to: the prices of next are held
// against those of now, and against those of the ruleset that is agreed on, by the file that is.
func (e *Engine) movesTooFar(
	ctx context.Context, current *CampaignRecord, of decider, next pricing, decisions []Facts,
) (string, error) {
	c, err := e.campaign(ctx, current.Definition.ID)
	if err != nil {
		return "", err
	}
	m := move{next: next}
	var unknown string
	if m.agreed, unknown, err = c.priced(ctx, current.agreedFile(), of.agreed); err != nil || unknown != "" {
		return unknown, err
	}
	if m.now, unknown, err = c.priced(ctx, current.Definition, of.ruleset); err != nil {
		return "", err
	}
	if unknown != "" {
		m.now = m.agreed // what is in force has no price here
	}
	guards := &current.Definition.Guards
	if limit := guards.MaxPriceChange; limit > 0 {
		if why := m.beyond(decisions, e.now(), limit); why != "" {
			return why, nil
		}
	}
	return m.money(decisions, guards.MaxMoneyChange), nil
}

// beyond says why somebody else has to approve what comes next: a price moves further than the limit, in basis points of
// what it was or of what was agreed on, or an item that both files have has no price that could be compared, so that nobody
// knows how far it moves. It is "" if neither is so. It looks at made-up orders and at the given decisions once more; an order
// that only one of the two allows has no price that moves. A price that stays what it is needs nobody, however it came to be.
func (m *move) beyond(decisions []Facts, at time.Time, limit int64) string {
	compared := map[string]bool{}
	for facts := range m.now.orders(m.next.def, decisions, at) {
		to, is := m.next.total(facts)
		if !is {
			continue
		}
		from, was := m.now.total(facts)
		if compared[facts.Item.SKU] = compared[facts.Item.SKU] || was; was && movesBeyond(from, to, limit) {
			return (&priceMove{facts.Item.SKU, from, to}).needed(limit)
		}
		if m.agreed == m.now || was && from == to {
			continue
		}
		if agreed, had := m.agreed.total(facts); had && movesBeyond(agreed, to, limit) {
			return (&priceMove{facts.Item.SKU, agreed, to}).needed(limit) + ", counted from what two people agreed on last"
		}
	}
	return m.unmeasured(compared)
}

// unmeasured says which item of both files has no price that was compared, "" if all have.
func (m *move) unmeasured(compared map[string]bool) string {
	for i := range m.now.def.Items {
		if sku := m.now.def.Items[i].SKU; !compared[sku] && m.next.def.Item(sku) != nil {
			return fmt.Sprintf("how far the price of %s moves could not be measured: no order that it was tried on can be placed "+
				"before and after", sku)
		}
	}
	return ""
}

// money says why somebody else has to approve what comes next: of what the given decisions cost now, or by what was agreed on,
// more than the limit moves, basis points. What moves nothing needs nobody.
func (m *move) money(decisions []Facts, limit int64) string {
	moved := m.now.moves(m.next, decisions)
	if why := moved.beyond("the newest orders", limit); why != "" || m.agreed == m.now || moved.Moved+moved.Turned == 0 {
		return why
	}
	return m.agreed.moves(m.next, decisions).beyond("the newest orders by what two people agreed on last", limit)
}
