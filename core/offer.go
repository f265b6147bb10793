package core

import (
	"context"
	"encoding/json"
	"slices"
)

// Offer is what an order that is placed and not paid would cost if it were placed now. Amounts are minor units. The order
// keeps its own price until its hold ends, whatever becomes of the offer.
type Offer struct {
	Total   int64
	Lines   []Line
	Ruleset int64 // that decided
	Until   int64 // when the hold ends, Unix milliseconds
}

// Offer returns what the shopper is offered in place of the order, nil if nothing is: only while the rollout offers new
// quotes to holds that were decided before it, and the order could be placed anew. It takes nothing.
func (e *Engine) Offer(ctx context.Context, o *Order, shopper Principal) (*Offer, error) {
	c, err := e.campaign(ctx, o.Campaign)
	if err != nil {
		return nil, err
	}
	if c.unofferable(o) != nil {
		return nil, nil //nolint:nilnil,nilerr // there is none
	}
	req, err := o.again(shopper)
	if err != nil {
		return nil, storeError(err)
	}
	loaded, err := c.fetchAll(ctx, req.wants())
	if err != nil {
		return nil, err
	}
	known, err := c.replacing(req, loaded)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // somebody has paid or ended it since
	}
	q, err := c.quoteUncounted(ctx, req, known)
	switch code := CodeOf(err); {
	case code == CodeUnavailable || code == CodeOverloaded || code == CodeInternal:
		return nil, err
	case err != nil || q.decision.group != nil || !c.hasRoom(req, q):
		return nil, nil //nolint:nilnil,nilerr // nothing that could be had
	}
	return &Offer{Total: q.decision.total, Lines: q.decision.lines(), Ruleset: q.decision.ruleset, Until: o.HoldUntil}, nil
}

// hasRoom reports whether what the decided request takes is there, as far as this node knows.
func (c *campaign) hasRoom(req *OrderRequest, q *quoted) bool {
	return !slices.ContainsFunc(q.takes(), func(take Take) bool {
		counter, _ := c.view.left(take.Counter)
		return counter.Remaining+req.frees(take.Counter) < take.Units
	})
}

// again is the request for the same as the order has, in its place.
func (o *Order) again(shopper Principal) (*OrderRequest, error) {
	var pinned struct {
		Facts struct {
			Input Object `json:"input"`
		} `json:"facts"`
	}
	if err := json.Unmarshal(o.Quote, &pinned); err != nil {
		return nil, err //nolint:wrapcheck // a defect: what is pinned was made here
	}
	req := &OrderRequest{
		Campaign: o.Campaign, Shopper: shopper, SKU: o.Lines[0].SKU, Quantity: o.Lines[0].Units, Input: pinned.Facts.Input, Replaces: o.ID,
	}
	if i := slices.IndexFunc(o.Claims, func(claim Claim) bool { return claim.Kind == ClaimVoucher }); i >= 0 {
		req.Voucher = o.Claims[i].Key
	}
	return req, nil
}

// unofferable returns why there is no offer for the order, or nil. A seat in a group is not offered anew: others count on it.
func (c *campaign) unofferable(o *Order) error {
	offer := c.snapshot.Load().record.Rollout.Offer
	switch {
	case o.State != OrderPlaced:
		return Errorf(CodeWrongState, "the order is %s", o.State)
	case o.paidSum() > 0:
		return Errorf(CodeWrongState, "a part of the order is paid")
	case c.engine.now().UnixMilli() > o.HoldUntil:
		return Errorf(CodeWrongState, "the order's hold has run out")
	case o.groupCondition() != nil:
		return Errorf(CodeWrongState, "the order has a seat in a group")
	case offer == 0 || o.epoch() >= offer:
		return Errorf(CodeWrongState, "nothing is offered in place of the order")
	}
	return nil
}

// epoch is the campaign's epoch that the order was decided under.
func (o *Order) epoch() int64 {
	var pinned struct {
		Epoch int64 `json:"epoch"`
	}
	_ = json.Unmarshal(o.Quote, &pinned) // one that cannot be read was decided before everything
	return pinned.Epoch
}

// replacing returns what is known of the shopper as if the order that the request replaces were gone, or why it cannot be
// replaced. The request takes note of the order.
func (c *campaign) replacing(req *OrderRequest, known *load) (*load, error) {
	old := known.found
	if old == nil || old.Shopper != req.Shopper.ID || old.Campaign != c.id {
		return nil, noOrder(req.Replaces)
	}
	if err := c.unofferable(old); err != nil {
		return nil, err
	}
	if req.SKU != old.Lines[0].SKU || req.Group != "" {
		return nil, Errorf(CodeWrongState, "only the same item is offered in place of the order, and no seat in a group")
	}
	req.replaced = old
	free := *known
	if known.state != nil {
		state := *known.state
		state.Claims = slices.DeleteFunc(slices.Clone(state.Claims), func(claim Claim) bool { return claim.Owner == old.ID })
		free.state = &state
	}
	if known.claimed != nil && known.claimed.Owner == old.ID {
		free.claimed = nil
	}
	return &free, nil
}

// frees is how much of the counter comes back when the request's order takes the place of the one that it replaces.
func (r *OrderRequest) frees(counter string) int64 {
	if r == nil || r.replaced == nil {
		return 0
	}
	var units int64
	for _, take := range r.replaced.held() {
		if take.Counter == counter {
			units += take.Units
		}
	}
	return units
}

// replacement is the move by which the order ends that the intent's order takes the place of.
func (in *intent) replacement() Move {
	ended := in.replaces.copied()
	ended.State, ended.TakesState, ended.UpdatedAt = OrderCancelled, TakesReturned, in.order.PlacedAt
	return Move{Order: ended, Release: true}
}

// give lets the plan have what the intent's replaced order holds, and returns how to take that back; false if that order is
// another by now, so that the intent has to be decided afresh.
func (p *planner) give(in *intent) (undo func(), ok bool) {
	old := in.replaces
	if old == nil {
		return func() {}, true
	}
	moved := slices.ContainsFunc(p.plan.Moves, func(m Move) bool { return m.Order.ID == old.ID })
	if p.state != nil {
		now := p.state.Orders[old.ID]
		moved = moved || now == nil || now.Revision != old.Revision
	}
	if moved {
		return nil, false
	}
	var claims []Claim
	for _, claim := range old.Claims {
		if p.claims[claim.id()] == old.ID {
			delete(p.claims, claim.id())
			claims = append(claims, claim)
		}
	}
	for _, take := range old.held() {
		p.taken[take.Counter] -= take.Units
	}
	return func() {
		for _, claim := range claims {
			p.claims[claim.id()] = old.ID
		}
		p.take(old.held())
	}, true
}
