package core

import (
	"context"
	"errors"
	"slices"
)

// settlement is a payment on its way to its order.
type settlement struct {
	payment Payment
	order   *Order     // as it was read; as it stands afterwards
	group   *gathering // that the order waits for; nil if it waits for none
	claims  []Claim    // of the requests that it was made for, those that no plan has made yet
	err     error
}

// settle lets the orders of one batch take note of their payments. What cannot be settled with the others, because its
// order does not wait for the payment or its key is taken, is settled alone.
func (c *campaign) settle(batch []*settlement) {
	for range optimisticTries {
		plan := c.settlePlan(batch)
		err := c.move(plan)
		if err == nil {
			c.settledAll(batch, plan)
			break
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnavailable) {
			failSettlements(batch, err)
			return
		}
		if err := c.rereadOrders(batch); err != nil {
			failSettlements(batch, err)
			return
		}
	}
	for _, s := range batch {
		s.err = c.settleAlone(s)
	}
}

// settlePlan lets every order of the batch that waits for its payment take note of it and claims the requests' keys.
func (c *campaign) settlePlan(batch []*settlement) *Plan {
	m := c.newMoves()
	planned := make(map[string]struct{}, len(batch))
	for _, s := range batch {
		if !s.awaited(m.at()) {
			continue
		}
		m.plan.Claims = append(m.plan.Claims, s.claims...)
		if _, ok := planned[s.order.ID]; !ok {
			planned[s.order.ID] = struct{}{}
			m.pay(s)
		}
	}
	return m.done()
}

// awaited reports whether the order waits for the payment: it is placed, or may have its item without its group.
func (s *settlement) awaited(now int64) bool {
	if s.order.State != OrderPlaced && s.order.State != OrderPaid {
		return false
	}
	i := s.index()
	return i >= 0 && s.order.Dues[i].State == DueOpen && !s.overtaken(now)
}

// overtaken reports whether the payment is a deposit whose balance cannot be paid any more: if the order took note of it,
// the next sweep would take it to be forfeited.
func (s *settlement) overtaken(now int64) bool {
	i := s.index()
	if i < 0 || i+1 == len(s.order.Dues) || s.order.waits() {
		return false
	}
	next := &s.order.Dues[i+1]
	return next.State == DueOpen && now > next.DueAt
}

// inTime reports whether the money was charged while its due could be paid, whenever the order takes note of it.
func (s *settlement) inTime() bool {
	i := s.index()
	return i >= 0 && s.payment.At > 0 && s.payment.At <= s.order.Dues[i].DueAt
}

// index returns which of the order's dues the payment is for, or -1.
func (s *settlement) index() int {
	for i := range s.order.Dues {
		if paymentID(s.order.ID, i) == s.payment.ID {
			return i
		}
	}
	return -1
}

// paid returns the order with the payment's due paid. While another due is open the order stays placed, and is held
// until then. With nothing open it is paid, and its takes are spent unless it waits for a group: then they are held
// until the group has ended.
func (s *settlement) paid(now int64) *Order {
	o := s.with(DuePaid, now)
	next := o.openDue()
	switch {
	case next >= 0:
		o.State, o.TakesState, o.HoldUntil = OrderPlaced, TakesOutstanding, max(o.HoldUntil, o.Dues[next].DueAt)
	case o.waits():
		o.State, o.TakesState = OrderPaid, TakesOutstanding
		if s.group != nil {
			o.HoldUntil = max(o.HoldUntil, s.group.ClosesAt)
		}
	default:
		o.confirm(ConditionWaived)
	}
	return o
}

// confirm makes the order paid for good: a group that it waited for is in the state, and its takes are spent.
func (o *Order) confirm(group string) {
	o.State, o.TakesState = OrderPaid, TakesSpent
	o.Conditions = slices.Clone(o.Conditions)
	for i := range o.Conditions {
		if o.Conditions[i].Kind == ConditionGroup {
			o.Conditions[i].State = group
		}
	}
}

// with returns the order with the payment's due in the state.
func (s *settlement) with(state string, now int64) *Order {
	o := *s.order
	o.Dues, o.UpdatedAt = slices.Clone(o.Dues), now
	if i := s.index(); i >= 0 {
		o.Dues[i].State, o.Dues[i].Payment = state, s.payment.ID
		if state == DuePaid {
			o.Dues[i].PaidAt = now
		}
	}
	return &o
}

// settledAll takes the moved orders into their settlements and lets the provider forget the payments.
func (c *campaign) settledAll(batch []*settlement, plan *Plan) {
	made := make(map[Claim]struct{}, len(plan.Claims))
	for _, claim := range plan.Claims {
		made[claim] = struct{}{}
	}
	moved := make(map[string]*Order, len(plan.Moves))
	for _, m := range plan.Moves {
		m.Order.Revision++
		moved[m.Order.ID] = m.Order
	}
	counted := make(map[string]struct{}, len(batch))
	for _, s := range batch {
		s.claims = slices.DeleteFunc(s.claims, func(claim Claim) bool { _, ok := made[claim]; return ok })
		o := moved[s.order.ID]
		if o == nil {
			continue
		}
		s.order = o
		if due := o.due(s.payment.ID); due != nil && due.State == DuePaid {
			c.engine.provider.Settled(s.payment.ID)
			c.countPaid(o, due, counted)
		}
	}
}

// countPaid counts a payment that an order took note of, once for all the requests that made it.
func (c *campaign) countPaid(o *Order, due *Due, counted map[string]struct{}) {
	if _, twice := counted[due.Payment]; !twice {
		counted[due.Payment] = struct{}{}
		c.meter.paid(due.Amount)
		c.paidInTrial(o)
	}
}

// rereadOrders reads the batch's orders as they are now.
func (c *campaign) rereadOrders(batch []*settlement) error {
	q := Query{Campaign: c.id, Brand: c.brand}
	for _, s := range batch {
		q.Orders = append(q.Orders, s.order.ID)
	}
	state, err := c.query(q)
	if err != nil {
		return err
	}
	for _, s := range batch {
		if o := state.Orders[s.order.ID]; o != nil {
			s.order = o
		}
	}
	return nil
}

func failSettlements(batch []*settlement, err error) {
	for _, s := range batch {
		s.err = storeError(err)
	}
}

const (
	// settleAfter is how old an unsettled payment must be before a job looks at it, milliseconds: by then its request
	// has been answered.
	settleAfter = 30_000
	settleBatch = 500
	settleLooks = 20 // in one sweep, each at more payments than the one before
)

// SettlePayments finishes payments that were charged but whose order never took note of them: the order is paid, or
// the money is given back. It returns how many it looked at, and is safe to run on every node at once.
func (e *Engine) SettlePayments(ctx context.Context) (int, error) {
	var failed error // one payment that cannot be settled here does not hold up the others
	seen := map[string]struct{}{}
	for range settleLooks {
		room := settleBatch + len(seen) // those that could not be settled come first again
		payments, err := e.provider.Unsettled(ctx, e.now().UnixMilli()-settleAfter, room)
		if err != nil {
			return len(seen), err //nolint:wrapcheck // providers answer with core errors
		}
		for _, p := range payments {
			if _, twice := seen[p.ID]; twice {
				continue
			}
			seen[p.ID] = struct{}{}
			if err := e.settlePayment(ctx, p); err != nil && CodeOf(err) != CodeRefunded {
				failed = err
			}
		}
		if len(payments) < room || ctx.Err() != nil {
			break
		}
	}
	return len(seen), failed
}

func (e *Engine) settlePayment(ctx context.Context, p Payment) error {
	c, err := e.campaignOf(ctx, p.Order)
	if err != nil {
		return err
	}
	loaded, err := c.fetch(ctx, "", p.Order)
	if err != nil {
		return err
	}
	s := &settlement{payment: p, order: loaded.found}
	if s.order == nil {
		s.order = &Order{ID: p.Order, State: OrderCancelled}
		return c.refund(s)
	}
	s.claims = s.order.payClaims(p.Request)
	if due := s.order.due(p.ID); due != nil && due.State != DueRefunded {
		e.provider.Settled(p.ID)
		return nil
	}
	if s.group, err = c.groupOf(ctx, s.order); err != nil {
		return err
	}
	done, ok := c.payments.add(s)
	if !ok {
		return overloaded()
	}
	<-done
	return s.err
}
