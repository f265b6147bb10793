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
		if i := s.index(); i < 0 || s.order.Dues[i].Payment != "" {
			return c.refund(s) // a due that it is not for, or that was paid elsewhere: the order has nothing to take note of
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
	switch {
	case s.awaited(m.at()):
		m.pay(s)
	case gone || !m.mayRevive(s):
		m.tooLate(s)
		return m.done()
	default:
		m.revive(s)
	}
	m.plan.Claims = slices.Clone(s.claims)
	return m.done()
}

// mayRevive reports whether late money may take everything again that the order took: the order expired, nothing that was
// paid for it was given back, it did not wait for a group, which has gone on without it, and what is due after it can
// still be paid. Once the campaign is closed only money that was charged in time may.
func (m *moves) mayRevive(s *settlement) bool {
	o := s.order
	back := slices.ContainsFunc(o.Dues, func(d Due) bool { return d.State == DueRefunded })
	return o.State == OrderExpired && !o.waits() && !back && !s.overtaken(m.at()) &&
		(s.inTime() || m.def.Phases.At(m.now) != PhaseClosed)
}

// tooLate notes that the money goes back, and ends an order that waits for what cannot be paid any more. A balance that was
// charged in time takes a deposit with it that was forfeited for want of it.
func (m *moves) tooLate(s *settlement) {
	o := s.with(DueRefunded, m.at())
	m.giveMoneyBack(o, s.index())
	for i := range o.Dues {
		if o.Dues[i].State == DueForfeited && o.State == OrderExpired && s.inTime() {
			o.Dues[i].State = DueRefunded
			m.giveMoneyBack(o, i)
			m.tellRefund(o)
		}
	}
	if o.State == OrderPlaced {
		m.giveBack(o, OrderExpired)
		return
	}
	m.change(o)
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
	for _, take := range back.held() {
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
	return Errorf(CodeRefunded, "the payment came too late, or was made twice: the order is %s; the money was given back", s.order.State)
}
