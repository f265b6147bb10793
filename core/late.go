package core

import (
	"context"
	"errors"
	"slices"
)

// settleAlone settles one payment. Money for an order that waits for it pays it; money that arrives after the hold ran
// out takes all the order's takes and claims again, or nothing. What cannot be had again is refunded: first the order
// says so, by compare and swap, then the money goes back. So whoever looks at the payment later, on any node, finds it
// decided.
func (c *campaign) settleAlone(s *settlement) error {
	gone := false
	for try := range maxDecisions {
		if due := s.order.due(s.payment.ID); due != nil {
			if due.State == DueRefunded {
				return c.refund(s)
			}
			return c.claim(s)
		}
		plan := c.alonePlan(s, gone)
		if try > 0 {
			plan.Claims = nil // the key went to another request; the money still counts
		}
		read := s.order
		err := c.move(plan)
		if err == nil {
			c.settledAll([]*settlement{s}, plan)
			continue
		}
		if !errors.Is(err, ErrConflict) {
			return storeError(err)
		}
		if err := c.rereadOrders([]*settlement{s}); err != nil {
			return err
		}
		// Nobody changed the order, and it cannot be paid: what it took is gone.
		gone = gone || try > 0 && s.order.Revision == read.Revision && s.order.State == OrderExpired
	}
	return storeError(ErrConflict)
}

// claim makes the claims of the requests for a payment that the order has taken note of without them, each by itself: a
// repeat of any of them is answered with the order and never pays what is due next. A key that went to another request
// stays there.
func (c *campaign) claim(s *settlement) error {
	for _, one := range s.claims {
		err := c.apply(&Plan{Campaign: c.id, Brand: s.order.Brand, Claims: []Claim{one}})
		if err != nil && !errors.Is(err, ErrConflict) {
			return storeError(err)
		}
	}
	return nil
}

// alonePlan returns the plan by which the order takes note of the payment: that it is paid, or that the money goes back.
func (c *campaign) alonePlan(s *settlement, gone bool) *Plan {
	m := c.newMoves()
	closed := c.snapshot.Load().definition().Phases.At(m.now) == PhaseClosed
	switch {
	case s.awaited():
		m.pay(s)
	case closed || gone || !s.order.mayRevive():
		o := s.with(DueRefunded, m.at())
		m.change(o)
		m.giveMoneyBack(o, s.index())
		return m.done()
	default:
		m.revive(s)
	}
	m.plan.Claims = slices.Clone(s.claims)
	return m.done()
}

// mayRevive reports whether late money may take everything again that the order took: it expired, nothing that was paid
// for it was given back, and it did not wait for a group, which has gone on without it.
func (o *Order) mayRevive() bool {
	return o.State == OrderExpired && !o.waits() &&
		!slices.ContainsFunc(o.Dues, func(d Due) bool { return d.State == DueRefunded })
}

// revive lets the expired order be paid after all: it takes everything again, and a deposit that was forfeited counts.
func (m *moves) revive(s *settlement) {
	back := *s.order
	back.Dues = slices.Clone(back.Dues)
	for i := range back.Dues {
		if back.Dues[i].State == DueForfeited {
			back.Dues[i].State = DuePaid
		}
	}
	m.pay(&settlement{payment: s.payment, order: &back, group: s.group})
	m.plan.Moves[len(m.plan.Moves)-1].Reclaim = true
	for _, take := range back.Takes {
		m.taken[take.Counter] += take.Units
	}
}

// refund gives the payment back and reports it as the settlement's outcome. It may be done again: the refund's id is the
// payment's.
func (c *campaign) refund(s *settlement) error {
	if s.payment.Amount > 0 {
		if err := c.engine.provider.Refund(context.Background(), s.payment); err != nil {
			return err //nolint:wrapcheck // providers answer with core errors
		}
	}
	c.engine.provider.Settled(s.payment.ID)
	return Errorf(CodeRefunded, "the payment came too late: the order is %s; the money was given back", s.order.State)
}
