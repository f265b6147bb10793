package core

import (
	"context"
	"errors"
	"slices"
	"strconv"
)

// Pay pays the order's next open due through the provider and returns the order as it stands after that. The money is
// taken first (idempotent by the payment's id), then the order takes note of it; jobs finish what a crash leaves
// between the two. Paying twice with one Idempotency-Key is one payment.
func (e *Engine) Pay(ctx context.Context, a OrderAction) (*Order, error) {
	c, err := e.campaignOf(ctx, a.Order)
	if err != nil {
		return nil, err
	}
	leave, err := c.enter(a.Shopper, ClaimPay, a.Key)
	if err != nil {
		return nil, err
	}
	defer leave()
	order, prior, err := c.actOn(ctx, &a, ClaimPay)
	if err != nil || prior {
		return order, err
	}
	payment, err := c.nextPayment(order)
	if err != nil {
		return nil, err
	}
	if payment.Amount > 0 {
		if err := e.provider.Charge(ctx, payment); err != nil {
			return nil, err //nolint:wrapcheck // providers answer with core errors
		}
	}
	s := &settlement{payment: payment, order: order, request: Claim{
		Shopper: a.Shopper, Kind: ClaimPay, Key: a.Key, Owner: a.Order, Fingerprint: fingerprint([]byte(a.Order)),
	}}
	done, ok := c.payments.add(s)
	if !ok {
		return nil, overloaded()
	}
	select {
	case <-done:
		return s.order, s.err
	case <-ctx.Done():
		return nil, storeError(ctx.Err())
	}
}

// actOn loads the order for an action of its shopper. prior means that the same Idempotency-Key acted on it before.
func (c *campaign) actOn(ctx context.Context, a *OrderAction, kind ClaimKind) (order *Order, prior bool, err error) {
	loaded, err := c.fetch(ctx, a.Shopper, a.Order)
	if err != nil {
		return nil, false, err
	}
	if loaded.found == nil || loaded.found.Shopper != a.Shopper {
		return nil, false, noOrder(a.Order)
	}
	claim := loaded.state.claim(kind, a.Key)
	if claim != nil && claim.Owner != a.Order {
		return nil, false, Errorf(CodeIdempotencyMismatch, "this Idempotency-Key was used for another order")
	}
	return loaded.found, claim != nil, nil
}

func noOrder(id string) error { return Errorf(CodeNotFound, "there is no order %q", id) }

// nextPayment returns the payment of the first open due.
func (c *campaign) nextPayment(o *Order) (Payment, error) {
	if slices.ContainsFunc(o.Dues, func(d Due) bool { return d.State == DueRefunded }) {
		return Payment{}, Errorf(CodeRefunded, "the payment came too late: the order is %s; the money was given back", o.State)
	}
	if o.State != OrderPlaced {
		return Payment{}, Errorf(CodeWrongState, "the order is %s", o.State)
	}
	if c.engine.now().UnixMilli() > o.HoldUntil {
		return Payment{}, Errorf(CodeWrongState, "the order's hold has run out")
	}
	i := slices.IndexFunc(o.Dues, func(d Due) bool { return d.State == DueOpen })
	if i < 0 {
		return Payment{}, Errorf(CodeWrongState, "nothing is due")
	}
	return Payment{
		ID: paymentID(o.ID, i), Campaign: o.Campaign, Order: o.ID, Shopper: o.Shopper, Brand: o.Brand,
		Currency: o.Currency, Amount: o.Dues[i].Amount,
	}, nil
}

// paymentID names the payment of an order's due.
func paymentID(order string, due int) string { return "pay/" + order + "/" + strconv.Itoa(due) }

// settlement is a payment on its way to its order.
type settlement struct {
	payment Payment
	order   *Order // as it was read; as it stands afterwards
	request Claim  // zero when a job settles
	err     error
}

// settle lets the orders of one batch take note of their payments. What cannot be settled with the others, because its
// order is no longer placed or its key is taken, is settled alone.
func (c *campaign) settle(batch []*settlement) {
	for range optimisticTries {
		plan := c.settlePlan(batch)
		err := c.apply(plan)
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

// settlePlan moves every placed order of the batch to paid and claims the requests' keys.
func (c *campaign) settlePlan(batch []*settlement) *Plan {
	def := c.snapshot.Load().definition()
	plan := &Plan{Campaign: def.ID, Brand: def.Brand}
	planned := make(map[string]struct{}, len(batch))
	for _, s := range batch {
		if s.order.State != OrderPlaced || s.order.due(s.payment.ID) != nil {
			continue
		}
		if s.request.Key != "" {
			plan.Claims = append(plan.Claims, s.request)
		}
		if _, ok := planned[s.order.ID]; !ok {
			planned[s.order.ID] = struct{}{}
			plan.Moves = append(plan.Moves, Move{Order: s.paid(c.engine.now().UnixMilli())})
		}
	}
	plan.sort()
	return plan
}

// paid returns the order with the payment's due paid; with no due open it is paid and its takes are spent.
func (s *settlement) paid(now int64) *Order {
	o := s.with(DuePaid, now)
	if !slices.ContainsFunc(o.Dues, func(d Due) bool { return d.State == DueOpen }) {
		o.State, o.TakesState = OrderPaid, TakesSpent
	}
	return o
}

// with returns the order with the payment's due in the state.
func (s *settlement) with(state string, now int64) *Order {
	o := *s.order
	o.Dues = slices.Clone(o.Dues)
	for i := range o.Dues {
		if paymentID(o.ID, i) == s.payment.ID {
			o.Dues[i].State, o.Dues[i].Payment = state, s.payment.ID
		}
	}
	o.UpdatedAt = now
	return &o
}

// due returns the due that the payment paid, or would have paid had it not been refunded, or nil.
func (o *Order) due(payment string) *Due {
	i := slices.IndexFunc(o.Dues, func(d Due) bool { return d.Payment == payment })
	if i < 0 {
		return nil
	}
	return &o.Dues[i]
}

// settledAll takes the moved orders into their settlements and lets the provider forget the payments.
func (c *campaign) settledAll(batch []*settlement, plan *Plan) {
	moved := make(map[string]*Order, len(plan.Moves))
	for _, m := range plan.Moves {
		m.Order.Revision++
		moved[m.Order.ID] = m.Order
	}
	for _, s := range batch {
		o := moved[s.order.ID]
		if o == nil {
			continue
		}
		s.order = o
		if due := o.due(s.payment.ID); due != nil && due.State == DuePaid {
			c.engine.provider.Settled(s.payment.ID)
		}
	}
}

// rereadOrders reads the batch's orders as they are now.
func (c *campaign) rereadOrders(batch []*settlement) error {
	q := Query{Campaign: c.id}
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

// settleAlone settles one payment. Money for a placed order pays it; money that arrives after the hold ran out takes all
// the order's takes and claims again, or nothing. What cannot be had again is refunded: first the order says so, by
// compare and swap, then the money goes back. So whoever looks at the payment later, on any node, finds it decided.
func (c *campaign) settleAlone(s *settlement) error {
	gone := false
	for try := range maxDecisions {
		if due := s.order.due(s.payment.ID); due != nil {
			if due.State == DueRefunded {
				return c.refund(s)
			}
			return nil
		}
		plan := c.alonePlan(s, gone)
		if try > 0 {
			plan.Claims = nil // the key went to another request; the money still counts
		}
		read := s.order
		err := c.apply(plan)
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

// alonePlan returns the plan by which the order takes note of the payment: that it is paid, or that the money goes back.
func (c *campaign) alonePlan(s *settlement, gone bool) *Plan {
	now := c.engine.now()
	plan := &Plan{Campaign: s.order.Campaign, Brand: s.order.Brand}
	closed := c.snapshot.Load().definition().Phases.At(now) == PhaseClosed
	if s.order.State != OrderPlaced && (s.order.State != OrderExpired || closed || gone) {
		plan.Moves = []Move{{Order: s.with(DueRefunded, now.UnixMilli())}}
		return plan
	}
	move := Move{Order: s.paid(now.UnixMilli())}
	if s.order.State == OrderExpired {
		move.Reclaim = true
		plan.Counters = deltas(s.order.Takes)
		if move.Order.State == OrderExpired { // more is due: the order is held again
			move.Order.State, move.Order.TakesState = OrderPlaced, TakesOutstanding
		}
	}
	plan.Moves = []Move{move}
	if s.request.Key != "" {
		plan.Claims = []Claim{s.request}
	}
	return plan
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

// deltas returns the takes as changes of counters; takes are sorted.
func deltas(takes []Take) []Delta {
	out := make([]Delta, 0, len(takes))
	for _, take := range takes {
		out = append(out, Delta(take))
	}
	return out
}

const (
	// settleAfter is how old an unsettled payment must be before a job looks at it, milliseconds: by then its request
	// has been answered.
	settleAfter = 30_000
	settleBatch = 500
)

// SettlePayments finishes payments that were charged but whose order never took note of them: the order is paid, or
// the money is given back. It returns how many it looked at, and is safe to run on every node at once.
func (e *Engine) SettlePayments(ctx context.Context) (int, error) {
	payments, err := e.provider.Unsettled(ctx, e.now().UnixMilli()-settleAfter, settleBatch)
	if err != nil {
		return 0, err //nolint:wrapcheck // providers answer with core errors
	}
	var failed error // one payment that cannot be settled here does not hold up the others
	for _, p := range payments {
		if err := e.settlePayment(ctx, p); err != nil && CodeOf(err) != CodeRefunded {
			failed = err
		}
	}
	return len(payments), failed
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
	if due := s.order.due(p.ID); due != nil && due.State == DuePaid {
		e.provider.Settled(p.ID)
		return nil
	}
	done, ok := c.payments.add(s)
	if !ok {
		return overloaded()
	}
	<-done
	return s.err
}
