package core

import (
	"context"
	"errors"
	"slices"
)

// Cancel ends an order for its shopper and returns it. A placed order gives its stock and claims back; what becomes of a
// deposit is what the order says. A member of a failed group declines the offer of the full price by it and gets the money
// back. Other paid orders are not cancelled here.
func (e *Engine) Cancel(ctx context.Context, a OrderAction) (*Order, error) {
	c, err := e.campaignOf(ctx, a.Order)
	if err != nil {
		return nil, err
	}
	leave, err := c.enter(a.Shopper, ClaimCancel, a.Key)
	if err != nil {
		return nil, err
	}
	defer leave()
	for range maxDecisions {
		order, prior, err := c.actOn(ctx, &a, ClaimCancel)
		if err != nil || prior {
			return order, err
		}
		plan, err := c.cancelPlan(order)
		if err != nil {
			return nil, err
		}
		plan.Claims = []Claim{{
			Shopper: a.Shopper, Kind: ClaimCancel, Key: a.Key, Owner: a.Order, Fingerprint: fingerprint([]byte(a.Order)),
		}}
		err = c.move(plan)
		if err == nil {
			cancelled := plan.Moves[0].Order
			cancelled.Revision++
			return cancelled, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, storeError(err)
		}
	}
	return nil, storeError(ErrConflict)
}

func (c *campaign) cancelPlan(o *Order) (*Plan, error) {
	switch {
	case o.State == OrderPlaced:
		return c.endPlan([]*Order{o}, OrderCancelled)
	case o.State == OrderPaid && o.openDue() >= 0:
		m := c.newMoves()
		declined := o.copied()
		m.refund(declined)
		m.tellRefund(declined)
		return m.done(), nil
	default:
		return nil, Errorf(CodeWrongState, "the order is %s", o.State)
	}
}

// expireBatch is how many holds one transaction of the sweep ends.
const expireBatch = 500

// Expire ends the holds of the campaign that have run out and gives their stock and claims back, exactly once however
// many nodes sweep at the same moment. It returns how many orders it expired.
func (e *Engine) Expire(ctx context.Context, campaignID string) (int, error) {
	c, err := e.campaign(ctx, campaignID)
	if err != nil {
		return 0, err
	}
	total := 0
	for {
		orders, err := e.store.Due(ctx, c.key(), e.now().UnixMilli(), expireBatch)
		if err != nil || len(orders) == 0 {
			return total, storeError(err)
		}
		expired, err := c.expire(orders)
		total += expired
		if err != nil || expired == 0 {
			return total, err
		}
	}
}

// expire ends the holds of the orders in one transaction, or one by one where others change them at the same moment.
// An order that has changed since it was read is none of this sweep's business.
func (c *campaign) expire(orders []*Order) (int, error) {
	err := c.end(orders, OrderExpired)
	if err == nil {
		return len(orders), nil
	}
	if !errors.Is(err, ErrConflict) {
		return 0, storeError(err)
	}
	expired := 0
	for i := range orders {
		switch err := c.end(orders[i:i+1], OrderExpired); {
		case err == nil:
			expired++
		case !errors.Is(err, ErrConflict):
			return expired, storeError(err)
		}
	}
	return expired, nil
}

// end moves the placed orders to the state.
func (c *campaign) end(orders []*Order, to OrderState) error {
	plan, err := c.endPlan(orders, to)
	if err != nil {
		return err
	}
	return c.move(plan)
}

// endPlan returns the plan that moves the placed orders to the state and returns everything they took: stock and claims,
// their seats in groups, and what was paid of them unless it is forfeited.
func (c *campaign) endPlan(orders []*Order, to OrderState) (*Plan, error) {
	m := c.newMoves()
	for _, o := range orders {
		ended := o.copied()
		m.endDeposit(ended)
		m.giveBack(ended, to)
	}
	err := m.vacate(orders)
	return m.done(), err
}

// vacate frees the seats of orders that end while they wait for their groups.
func (m *moves) vacate(orders []*Order) error {
	leaving := map[DocumentKey][]string{}
	q := Query{Campaign: m.campaign.id, Brand: m.campaign.brand}
	for _, o := range orders {
		if !o.waits() {
			continue
		}
		key := DocumentKey{DocumentGroup, o.group()}
		if leaving[key] == nil {
			q.Documents = append(q.Documents, key)
		}
		leaving[key] = append(leaving[key], o.ID)
	}
	if len(q.Documents) == 0 {
		return nil
	}
	state, err := m.campaign.query(q)
	if err != nil {
		return err
	}
	for key, members := range leaving {
		document := state.Documents[key]
		if document == nil {
			continue
		}
		group, err := read[Group](document)
		if err != nil {
			return storeError(err)
		}
		group.Members = slices.DeleteFunc(group.Members, func(id string) bool { return slices.Contains(members, id) })
		m.plan.Documents = append(m.plan.Documents, document.write(document.State, document.Due, group))
	}
	return nil
}
