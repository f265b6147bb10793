package core

import (
	"slices"
	"strings"
)

// auditedPayment is what orders say of a payment.
type auditedPayment struct {
	campaign, order string
	amount          int64  // minor units
	state           string // of the due
	returning       bool   // a task is to give it back
}

// auditedSeat is what an order says of the group that it has a condition for.
type auditedSeat struct {
	group string
	state OrderState
	open  bool // it has a seat: the condition is open and the order lives
}

// VisitOrder implements [BookVisitor].
func (a *audit) VisitOrder(o *Order) {
	a.summary.Orders++
	a.orders[o.ID] = struct{}{}
	a.noteEpoch(o)
	if o.State == OrderRefunded {
		a.refunded[o.ID] = false
	}
	a.checkLines(o)
	a.checkDues(o)
	a.checkStanding(o)
	if group := o.group(); group != "" {
		a.seats[o.ID] = auditedSeat{group: group, state: o.State, open: o.waits() && o.TakesState != TakesReturned}
	}
	if o.TakesState == TakesReturned {
		return
	}
	a.take(o.held())
	for i := range o.Claims {
		if other, ok := a.held[o.Claims[i].id()]; ok {
			a.find("claim", o.Claims[i].Key, "orders %s and %s both say that they hold it", other, o.ID)
		}
		a.held[o.Claims[i].id()] = o.ID
	}
}

// checkLines checks that an order's lines add up to its total.
func (a *audit) checkLines(o *Order) {
	var lines int64
	for _, l := range o.Lines {
		lines += l.Amount
		if l.Units*l.UnitPrice-l.Discount != l.Amount {
			a.find("order", o.ID, "line %s: %d × %d − %d is not %d", l.SKU, l.Units, l.UnitPrice, l.Discount, l.Amount)
		}
	}
	if lines != o.Total {
		a.find("order", o.ID, "the lines sum up to %d, the total is %d", lines, o.Total)
	}
}

// checkDues checks that an order's dues add up to its total. The difference to the full price comes on top of it, and only
// a member of a group is ever offered it.
func (a *audit) checkDues(o *Order) {
	var dues int64
	for i := range o.Dues {
		d := &o.Dues[i]
		a.notePayment(o, d)
		if d.Kind != DueDifference {
			dues += d.Amount
		} else if o.groupCondition() == nil {
			a.find("order", o.ID, "it has a difference of %d to pay, and no group", d.Amount)
		}
		if d.State == DueForfeited && (d.Kind != DueDeposit || d.Unpaid != UnpaidForfeit) {
			a.find("order", o.ID, "its %s of %d is forfeited, which was not agreed", d.Kind, d.Amount)
		}
	}
	if dues != o.Total {
		a.find("order", o.ID, "the dues sum up to %d, the total is %d", dues, o.Total)
	}
}

// notePayment remembers what the order says of a payment until the ledger is read. The dealer's never come to the ledger,
// and nothing moves nothing.
func (a *audit) notePayment(o *Order, d *Due) {
	switch {
	case d.Amount == 0 && !isDealers(d.Payment):
		return
	case (d.Payment == "") != (d.State == DueOpen):
		a.find("order", o.ID, "its %s of %d is %s, by the payment %q", d.Kind, d.Amount, d.State, d.Payment)
		return
	case d.Payment == "":
		return
	}
	if other := a.payments[d.Payment]; other != nil {
		a.find("payment", d.Payment, "orders %s and %s were both paid by it", other.order, o.ID)
	}
	a.payments[d.Payment] = &auditedPayment{campaign: o.Campaign, order: o.ID, amount: d.Amount, state: d.State}
}

// isDealers reports whether a payment was made at a dealer's counter.
func isDealers(payment string) bool { return strings.HasPrefix(payment, dealerPrefix) }

// checkStanding checks what an order's state says against its takes, its dues and its group.
func (a *audit) checkStanding(o *Order) {
	if want := takesOf(o); !slices.Contains(want, o.TakesState) {
		a.find("order", o.ID, "%s, takes %s, and they should be %s", o.State, o.TakesState, want[0])
	}
	switch o.State {
	case OrderPlaced:
		if o.openDue() < 0 {
			a.find("order", o.ID, "placed, with nothing to be paid")
		}
	case OrderPaid, OrderShipped, OrderDelivered:
		a.checkPaid(o)
	default:
		if sum := o.paidSum(); sum > 0 {
			a.find("order", o.ID, "%s, with %d that were paid and are neither refunded nor forfeited", o.State, sum)
		}
	}
	forfeited := slices.ContainsFunc(o.Dues, func(d Due) bool { return d.State == DueForfeited })
	if forfeited && o.State != OrderExpired && o.State != OrderCancelled {
		a.find("order", o.ID, "%s, with a deposit that is forfeited", o.State)
	}
}

// takesOf returns what may have become of the takes of an order in its state. A paid order that its group has not
// confirmed holds them: the group may fail, and the difference to the full price stay unpaid.
func takesOf(o *Order) []TakesState {
	switch o.State {
	case OrderPlaced:
		return []TakesState{TakesOutstanding}
	case OrderPaid:
		if o.unconfirmed() {
			return []TakesState{TakesOutstanding}
		}
		return []TakesState{TakesSpent}
	case OrderShipped, OrderDelivered:
		return []TakesState{TakesSpent}
	case OrderRefunded:
		return []TakesState{TakesReturned, TakesSpent} // spent if it had left the house
	default:
		return []TakesState{TakesReturned}
	}
}

// unconfirmed reports whether the order's group has not ended, or has failed without an answer to the offer.
func (o *Order) unconfirmed() bool {
	condition := o.groupCondition()
	return condition != nil && (condition.State == ConditionOpen || condition.State == ConditionFailed)
}

// checkPaid checks an order that is paid or later: nothing is open but the difference that a failed group left.
func (a *audit) checkPaid(o *Order) {
	offered := false
	for i := range o.Dues {
		switch d := &o.Dues[i]; {
		case d.Kind == DueDifference && d.State == DueOpen:
			offered = true
		case d.State != DuePaid:
			a.find("order", o.ID, "%s, with a %s of %d that is %s", o.State, d.Kind, d.Amount, d.State)
		}
	}
	condition := o.groupCondition()
	if failed := condition != nil && condition.State == ConditionFailed; failed != offered {
		a.find("order", o.ID, "%s, group failed: %t, the full price offered: %t", o.State, failed, offered)
	}
	if o.State != OrderPaid && o.unconfirmed() {
		a.find("order", o.ID, "%s, although its group has not confirmed it", o.State)
	}
}

// VisitClaim implements [BookVisitor].
func (a *audit) VisitClaim(c Claim) {
	a.summary.Claims++
	switch c.Kind {
	case ClaimLimit, ClaimOnce, ClaimGroup, ClaimVoucher:
		a.checkHeld(c)
	case ClaimQueue:
		a.useTicket(c)
	case ClaimShare, ClaimVisit, ClaimSocial:
		a.noteLink(c)
	default:
		if _, ok := a.orders[c.Owner]; !ok {
			a.find("claim", c.Shopper+" "+c.Key, "its owner %s does not exist", c.Owner)
		}
	}
}

// checkHeld checks that the claim's owner says that it holds it. If no order does, a sign-up may.
func (a *audit) checkHeld(c Claim) {
	holder, held := a.held[c.id()]
	switch {
	case !held:
		a.loose[c.id()] = c.Owner
	case holder != c.Owner:
		a.find("claim", c.Shopper+" "+c.Key, "order %s says that it holds it, its owner is %s", holder, c.Owner)
	}
	delete(a.held, c.id())
	if c.Kind != ClaimVoucher {
		return
	}
	if c.Shopper != voucherScope(c.Key) {
		a.find("claim", c.Shopper+" "+c.Key, "a voucher is claimed elsewhere than where it can be claimed once")
	}
	if other, ok := a.vouchers[c.Key]; ok {
		a.find(string(DocumentVoucher), c.Key, "orders %s and %s both redeem it", other, c.Owner)
	}
	a.vouchers[c.Key] = c.Owner
}
