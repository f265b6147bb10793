package core

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// StaffAction is something that staff does to an order. Which of the fields after Reason mean something depends on what
// it is.
type StaffAction struct {
	Order   string
	Actor   Principal
	IfMatch int64  // the order's revision that the caller has seen; 0 means any
	Reason  string // for the staff log, at most 500 characters; shipping and delivering need none and say what they are

	Kind      string // of the condition or the due
	State     string // that the condition moves to: ConditionReceived, ConditionWaived or ConditionFailed
	Reference string // what the dealer's payment is known by, at most 128 characters; confirms one due ever
	Carrier   string // who carries the parcel, at most 128 characters
	Tracking  string // the carrier's number of the parcel, at most 128 characters
}

// StaffOrder returns an order of the staff's brand; another brand's is not_found.
func (e *Engine) StaffOrder(ctx context.Context, id string, staff Principal) (*Order, error) {
	_, order, err := e.orderFor(ctx, id, &staff)
	return order, err
}

// orderFor returns the order with its running campaign, if it is the staff's business.
func (e *Engine) orderFor(ctx context.Context, id string, staff *Principal) (*campaign, *Order, error) {
	c, err := e.campaignOf(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	loaded, err := c.fetch(ctx, "", id)
	if err != nil {
		return nil, nil, err
	}
	if loaded.found == nil || !staff.serves(loaded.found.Brand) {
		return nil, nil, noOrder(id)
	}
	return c, loaded.found, nil
}

// serves reports whether the brand's orders are the principal's business.
func (p *Principal) serves(brand string) bool { return p.Brand == "" || p.Brand == brand }

// StaffOrders returns a page of the campaign's orders in the state, or in any if it is "", the newest first. The cursor
// is the last id of the page before, "" for the first page.
func (e *Engine) StaffOrders(
	ctx context.Context, campaignID, state, cursor string, limit int, staff Principal,
) (Page[*Order], error) {
	page := Page[*Order]{Data: []*Order{}}
	c, err := e.servedCampaign(ctx, campaignID, &staff)
	if err != nil {
		return page, err
	}
	if err := checkOrderState(state); err != nil {
		return page, err
	}
	if cursor != "" && !ValidOrderID(cursor) {
		return page, foreignCursor()
	}
	orders, err := e.store.ListOrders(ctx, c.key(), state, cursor, limit+1)
	if err != nil {
		return page, storeError(err)
	}
	if len(orders) > limit {
		orders = orders[:limit]
		page.Next = orders[limit-1].ID
	}
	page.Data = append(page.Data, orders...)
	return page, nil
}

func checkOrderState(state string) error {
	states := []OrderState{
		OrderPlaced, OrderPaid, OrderShipped, OrderDelivered, OrderExpired, OrderCancelled, OrderRefunded,
	}
	if state != "" && !slices.Contains(states, OrderState(state)) {
		return Errorf(CodeInvalid, "an order is never %q", state)
	}
	return nil
}

// MoveCondition moves every obligation of the kind on: from open to received, waived or failed, and from received to
// waived or failed. Whether a group is complete is not for staff to say.
func (e *Engine) MoveCondition(ctx context.Context, a StaffAction) (*Order, error) {
	return e.act(ctx, &a, "order.condition", moveCondition)
}

func moveCondition(m *moves, o *Order, a *StaffAction) error {
	if err := checkPlain("reason", a.Reason); err != nil {
		return err
	}
	if a.Kind == ConditionGroup {
		return Errorf(CodeInvalid, "whether a group is complete is not for staff to say")
	}
	if !slices.Contains([]string{ConditionReceived, ConditionWaived, ConditionFailed}, a.State) {
		return Errorf(CodeInvalid, "a condition becomes received, waived or failed")
	}
	found, moved := false, false
	for i := range o.Conditions {
		condition := &o.Conditions[i]
		if condition.Kind != a.Kind {
			continue
		}
		found = true
		switch condition.State {
		case a.State:
		case ConditionOpen, ConditionReceived:
			condition.State, moved = a.State, true
		default:
			return Errorf(CodeWrongState, "the condition is %s", condition.State)
		}
	}
	if !found {
		return Errorf(CodeNotFound, "the order has no condition %q", a.Kind)
	}
	if !moved {
		return errSame
	}
	if !slices.Contains([]OrderState{OrderPlaced, OrderPaid}, o.State) {
		return Errorf(CodeWrongState, "the order is %s", o.State)
	}
	m.change(o)
	return nil
}

// dealerPrefix begins the payment of a due that was paid at the dealer's counter; its reference follows.
const dealerPrefix = "dealer/"

// ConfirmDue lets the order take note that its balance was paid at the dealer. A reference confirms one due ever:
// already_used for another.
func (e *Engine) ConfirmDue(ctx context.Context, a StaffAction) (*Order, error) {
	return e.act(ctx, &a, "order.due", confirmDue)
}

func confirmDue(m *moves, o *Order, a *StaffAction) error {
	if err := errors.Join(checkPlain("reference", a.Reference), checkPlain("reason", a.Reason)); err != nil {
		return err
	}
	if a.Kind != DueBalance || m.def.Deposits.BalanceAt != BalanceDealer {
		return Errorf(CodeWrongState, "only a balance that is paid at the dealer is confirmed by staff")
	}
	payment := dealerPrefix + a.Reference
	i := slices.IndexFunc(o.Dues, func(d Due) bool { return d.Kind == a.Kind })
	switch {
	case i < 0:
		return Errorf(CodeNotFound, "the order has no due %q", a.Kind)
	case o.Dues[i].Payment == payment:
		return errSame
	case o.State != OrderPlaced || o.openDue() != i:
		return Errorf(CodeWrongState, "the balance is not what is due now: the order is %s", o.State)
	case m.at() > o.HoldUntil:
		return Errorf(CodeWrongState, "the time to pay the balance has run out")
	}
	m.pay(&settlement{payment: Payment{ID: paymentID(o.ID, i)}, order: o})
	paid := m.plan.Moves[0].Order
	paid.Dues[i].Payment = payment
	m.plan.Claims = append(m.plan.Claims, Claim{
		Shopper: dealerScope(a.Reference), Kind: ClaimPay, Key: a.Reference, Owner: o.ID,
	})
	return nil
}

// dealerScope holds the claim of a dealer's reference: at most one.
func dealerScope(reference string) string { return " " + dealerPrefix + reference }

// Ship sends a paid order whose conditions are all met; the shopper is told.
func (e *Engine) Ship(ctx context.Context, a StaffAction) (*Order, error) {
	return e.act(ctx, &a, "order.ship", ship)
}

func ship(m *moves, o *Order, a *StaffAction) error {
	if err := errors.Join(checkPlain("carrier", a.Carrier), checkPlain("tracking", a.Tracking)); err != nil {
		return err
	}
	if s := o.Shipment; s != nil && s.Carrier == a.Carrier && s.Tracking == a.Tracking {
		return errSame
	}
	unmet := slices.IndexFunc(o.Conditions, func(c Condition) bool {
		return !slices.Contains([]string{ConditionMet, ConditionReceived, ConditionWaived}, c.State)
	})
	switch {
	case o.State != OrderPaid:
		return Errorf(CodeWrongState, "the order is %s", o.State)
	case unmet >= 0:
		return Errorf(CodeWrongState, "the order's condition %s is %s", o.Conditions[unmet].Kind, o.Conditions[unmet].State)
	case o.TakesState != TakesSpent:
		return Errorf(CodeWrongState, "the order is not confirmed yet")
	}
	a.Reason = cmp.Or(a.Reason, "the goods were handed to the carrier")
	o.State, o.Shipment = OrderShipped, &Shipment{Carrier: a.Carrier, Tracking: a.Tracking, ShippedAt: m.at()}
	m.change(o)
	m.tell(o, tidings{
		template: "shipped",
		en:       "Order " + o.ID + " is on its way with " + a.Carrier + ", tracking number " + a.Tracking + ".",
		zh:       "订单 " + o.ID + " 已发货：" + a.Carrier + "，运单号 " + a.Tracking + "。",
	})
	return nil
}

// Deliver notes that a shipped order has arrived.
func (e *Engine) Deliver(ctx context.Context, a StaffAction) (*Order, error) {
	return e.act(ctx, &a, "order.deliver", deliver)
}

func deliver(m *moves, o *Order, a *StaffAction) error {
	if o.State == OrderDelivered {
		return errSame
	}
	if o.State != OrderShipped {
		return Errorf(CodeWrongState, "the order is %s", o.State)
	}
	a.Reason = cmp.Or(a.Reason, "the goods have arrived")
	arrived := *o.Shipment
	arrived.DeliveredAt = m.at()
	o.State, o.Shipment = OrderDelivered, &arrived
	m.change(o)
	return nil
}

// RefundOrder gives back all the money that was paid for an order; what was paid at the dealer goes back there. Until it
// has shipped, everything that it took comes back too; after that its takes stay spent. The shopper is told.
func (e *Engine) RefundOrder(ctx context.Context, a StaffAction) (*Order, error) {
	return e.act(ctx, &a, "order.refund", refundOrder)
}

func refundOrder(m *moves, o *Order, a *StaffAction) error {
	if err := checkPlain("reason", a.Reason); err != nil {
		return err
	}
	switch {
	case o.State == OrderRefunded:
		return errSame
	case o.State == OrderPlaced && o.paidSum() > 0, o.State == OrderPaid, o.State == OrderShipped, o.State == OrderDelivered:
	default:
		return Errorf(CodeWrongState, "the order is %s", o.State)
	}
	if err := m.vacate([]*Order{o}); err != nil {
		return err
	}
	m.refund(o)
	m.tellRefund(o)
	return nil
}

// errSame means that an order is already as the action would make it.
var errSame = errors.New("nothing to change")

// act makes one change of an order by staff, with its entry in the staff log, by compare and swap on the order's
// revision. An action whose outcome is there already changes nothing.
func (e *Engine) act(
	ctx context.Context, a *StaffAction, action string, change func(*moves, *Order, *StaffAction) error,
) (*Order, error) {
	if err := checkOptionalReason(a.Reason); err != nil {
		return nil, err
	}
	for range maxDecisions {
		c, before, err := e.orderFor(ctx, a.Order, &a.Actor)
		if err != nil {
			return nil, err
		}
		if before.Shopper != "" && strings.Contains(a.Reason, before.Shopper) {
			return nil, shopperInReason()
		}
		if a.IfMatch > 0 && a.IfMatch != before.Revision {
			return nil, Errorf(CodePreconditionFailed, "the order is at revision %d; get it again", before.Revision)
		}
		m := c.newMoves()
		err = change(m, before.copied(), a)
		if errors.Is(err, errSame) {
			return before, nil
		}
		if err != nil {
			return nil, err
		}
		after := m.plan.Moves[0].Order
		m.plan.Entry = a.entry(m.at(), action, before, after)
		err = c.move(m.done())
		if err == nil {
			after.Revision++
			return after, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, storeError(err)
		}
		if err := c.usedReference(ctx, a); err != nil {
			return nil, err
		}
	}
	return nil, storeError(ErrConflict)
}

// usedReference refuses a dealer's reference that confirmed another order's due.
func (c *campaign) usedReference(ctx context.Context, a *StaffAction) error {
	if a.Reference == "" {
		return nil
	}
	loaded, err := c.fetch(ctx, dealerScope(a.Reference), "")
	if err != nil {
		return err
	}
	if claim := loaded.state.claim(ClaimPay, a.Reference); claim != nil && claim.Owner != a.Order {
		return Errorf(CodeAlreadyUsed, "this reference confirmed the payment of another order")
	}
	return nil
}

// entry is the staff log's row of the action.
func (a *StaffAction) entry(at int64, action string, before, after *Order) *StaffEntry {
	entry := a.Actor.entry(at, action, after.Brand, after.Campaign, a.Reason)
	entry.Before, _ = json.Marshal(before.forLog()) // plain data always encodes
	entry.After, _ = json.Marshal(after.forLog())
	return &entry
}

// loggedOrder is what the staff log says of an order: nothing that would have to be erased with its shopper. What a condition
// is about may be what the shopper submitted, and a parcel's number leads to an address, so neither is in it.
type loggedOrder struct {
	Order      string      `json:"order"`
	State      OrderState  `json:"state"`
	Dues       []Due       `json:"dues,omitempty"`
	Conditions []Condition `json:"conditions,omitempty"`
	Shipment   *Shipment   `json:"shipment,omitempty"`
}

func (o *Order) forLog() loggedOrder {
	logged := loggedOrder{Order: o.ID, State: o.State, Dues: o.Dues}
	for _, c := range o.Conditions {
		logged.Conditions = append(logged.Conditions, Condition{Kind: c.Kind, State: c.State})
	}
	if s := o.Shipment; s != nil {
		logged.Shipment = &Shipment{Carrier: s.Carrier, ShippedAt: s.ShippedAt, DeliveredAt: s.DeliveredAt}
	}
	return logged
}

const (
	// maxPlain is how many characters a reference, a carrier or a tracking number may have.
	maxPlain = 128
	// maxReason is how many characters a reason may have.
	maxReason = 500
)

// checkPlain refuses what is empty, too long or not plain text.
func checkPlain(name, text string) error {
	most := maxPlain
	if name == "reason" {
		most = maxReason
	}
	plain := utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
	if strings.TrimSpace(text) == "" || utf8.RuneCountInString(text) > most || !plain {
		return Errorf(CodeInvalid, "%s must be 1 to %d characters of plain text", name, most)
	}
	return nil
}
