package core

import (
	"context"
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
	group, err := c.groupOf(ctx, order)
	if err != nil {
		return nil, err
	}
	payment, err := c.nextPayment(order, group)
	if err != nil {
		return nil, err
	}
	first := a.Key
	if payment.Request = a.Key; payment.Amount > 0 {
		if first, err = e.provider.Charge(ctx, payment); err != nil {
			return nil, err //nolint:wrapcheck // providers answer with core errors
		}
	}
	s := &settlement{payment: payment, order: order, group: group, claims: order.payClaims(a.Key, first)}
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

// payClaims are the claims of the requests with those keys that paid a due of the order; "" is no key.
func (o *Order) payClaims(keys ...string) []Claim {
	slices.Sort(keys)
	claims := make([]Claim, 0, len(keys))
	for _, key := range slices.Compact(keys) {
		if key != "" {
			claims = append(claims, Claim{
				Shopper: o.Shopper, Kind: ClaimPay, Key: key, Owner: o.ID, Fingerprint: fingerprint([]byte(o.ID)),
			})
		}
	}
	return claims
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

// nextPayment returns the payment of the due that is next, or why nothing may be paid now. group is the order's, nil if
// it waits for none.
func (c *campaign) nextPayment(o *Order, group *gathering) (Payment, error) {
	if slices.ContainsFunc(o.Dues, func(d Due) bool { return d.State == DueRefunded }) {
		return Payment{}, wasRefunded(o)
	}
	i := o.openDue()
	if err := c.payable(o, i, group); err != nil {
		return Payment{}, err
	}
	payment := o.payment(i)
	payment.At = c.engine.now().UnixMilli()
	return payment, nil
}

func wasRefunded(o *Order) error {
	return Errorf(CodeRefunded, "the order is %s; the money that was paid for it was given back", o.State)
}

// payable refuses what may not be paid now; i is the index of the first open due, -1 if there is none.
func (c *campaign) payable(o *Order, i int, group *gathering) error {
	now := c.engine.now().UnixMilli()
	switch {
	case o.State == OrderPaid && i >= 0:
		if now >= o.Dues[i].DueAt {
			return Errorf(CodeWrongState, "the time to pay the difference has run out")
		}
		return nil
	case o.State != OrderPlaced:
		return Errorf(CodeWrongState, "the order is %s", o.State)
	case i < 0:
		return Errorf(CodeWrongState, "nothing is due")
	case now > o.HoldUntil:
		return Errorf(CodeWrongState, "the order's hold has run out")
	case o.Dues[i].Kind == DueBalance && c.snapshot.Load().definition().Deposits.BalanceAt == BalanceDealer:
		return Errorf(CodeWrongState, "the balance is paid at the dealer, who confirms it")
	}
	return group.accepts(now)
}

// openDue returns the index of the first due that is still to be paid, or -1.
func (o *Order) openDue() int {
	return slices.IndexFunc(o.Dues, func(d Due) bool { return d.State == DueOpen })
}

// due returns the due that the payment paid, or would have paid had it not been refunded, or nil.
func (o *Order) due(payment string) *Due {
	i := slices.IndexFunc(o.Dues, func(d Due) bool { return d.Payment == payment })
	if i < 0 {
		return nil
	}
	return &o.Dues[i]
}

// payment returns the payment of the order's due.
func (o *Order) payment(due int) Payment {
	return Payment{
		ID: paymentID(o.ID, due), Campaign: o.Campaign, Order: o.ID, Shopper: o.Shopper, Brand: o.Brand,
		Currency: o.Currency, Amount: o.Dues[due].Amount,
	}
}

// paymentID names the payment of an order's due.
func paymentID(order string, due int) string { return "pay/" + order + "/" + strconv.Itoa(due) }
