package core

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// Cancel gives a placed order's stock and claims back and returns the order. Paid orders are not cancelled here.
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
		if order.State != OrderPlaced {
			return nil, Errorf(CodeWrongState, "the order is %s", order.State)
		}
		plan := c.giveBack([]*Order{order}, OrderCancelled)
		plan.Claims = []Claim{{
			Shopper: a.Shopper, Kind: ClaimCancel, Key: a.Key, Owner: a.Order, Fingerprint: fingerprint([]byte(a.Order)),
		}}
		err = c.apply(plan)
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
		orders, err := e.store.Due(ctx, campaignID, e.now().UnixMilli(), expireBatch)
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
	err := c.apply(c.giveBack(orders, OrderExpired))
	if err == nil {
		return len(orders), nil
	}
	if !errors.Is(err, ErrConflict) {
		return 0, storeError(err)
	}
	expired := 0
	for _, o := range orders {
		switch err := c.apply(c.giveBack([]*Order{o}, OrderExpired)); {
		case err == nil:
			expired++
		case !errors.Is(err, ErrConflict):
			return expired, storeError(err)
		}
	}
	return expired, nil
}

// giveBack returns the plan that moves the orders to the state and returns everything they took.
func (c *campaign) giveBack(orders []*Order, to OrderState) *Plan {
	def := c.snapshot.Load().definition()
	plan := &Plan{Campaign: c.id, Brand: def.Brand}
	returned := map[string]int64{}
	now := c.engine.now().UnixMilli()
	for _, o := range orders {
		moved := *o
		moved.State, moved.TakesState, moved.UpdatedAt = to, TakesReturned, now
		plan.Moves = append(plan.Moves, Move{Order: &moved, Release: true})
		for _, take := range o.Takes {
			returned[take.Counter] += take.Units
		}
	}
	for counter, units := range returned {
		plan.Counters = append(plan.Counters, Delta{Counter: counter, Units: -units})
	}
	slices.SortFunc(plan.Counters, func(a, b Delta) int { return cmp.Compare(a.Counter, b.Counter) })
	plan.sort()
	return plan
}
