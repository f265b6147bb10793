package core

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"hotdrop/core/money"
)

// The states of a group.
const (
	GroupOpen     = "open"
	GroupComplete = "complete" // as many as it needs have paid
	GroupFailed   = "failed"   // its time ran out before
)

// Group is the content of a group of orders that are to be placed together. A seat is taken when an order is placed, and
// freed when it expires or is cancelled. The group is complete when every seat's order is paid. If that has not happened
// when its time is over it has failed: each member that paid is offered the difference to the full price.
type Group struct {
	SKU      string   `json:"sku"`
	Size     int64    `json:"size"`
	Price    int64    `json:"price"` // per unit for its members, minor units
	Leader   string   `json:"leader"`
	OpenedAt int64    `json:"opened_at"` // Unix milliseconds
	ClosesAt int64    `json:"closes_at"` // Unix milliseconds
	Members  []string `json:"members"`   // the orders that have a seat
	Settled  bool     `json:"settled"`   // every member's order has taken note of how the group ended
}

// groupTerms are what a mechanic's group effect asks for.
type groupTerms struct {
	size, seconds, price int64
}

func noGroup(id string) error { return Errorf(CodeNotFound, "there is no group %q", id) }

// Why an order has no seat in a group.
const (
	groupUnknown = "there is no such group"
	groupEnded   = "the group has ended"
	groupOther   = "the group is not for this order"
)

func groupClosed(why string) error {
	return Errorf(CodeGroupClosed, "%s; open one of your own, or join another", why)
}

// openGroup is the edit by which the order opens a group of those terms; now is Unix milliseconds.
func openGroup(id string, o *Order, t groupTerms, now int64) edit {
	key := DocumentKey{DocumentGroup, id}
	return edit{key: key, apply: func(current *Document) (*Document, error) {
		if current != nil {
			return nil, groupClosed(groupOther)
		}
		g := Group{
			SKU: o.Lines[0].SKU, Size: t.size, Price: t.price, Leader: o.Shopper, OpenedAt: now, ClosesAt: now + t.seconds*1000,
			Members: []string{o.ID},
		}
		d := Document{Kind: DocumentGroup, ID: id}
		return d.write(GroupOpen, g.ClosesAt, g), nil
	}}
}

// joinGroup is the edit by which the order takes a seat in the group: group_closed if there is no such group for it, or
// its time is over, or its terms are others than the order's, group_full if no seat is left. That a shopper has one seat
// is the order's claim to see to.
func joinGroup(id string, o *Order, t groupTerms, now int64) edit {
	key := DocumentKey{DocumentGroup, id}
	return edit{key: key, apply: func(current *Document) (*Document, error) {
		g, err := mayJoin(current, o.ID, o.Lines[0].SKU, now)
		switch {
		case err != nil:
			return nil, err
		case slices.Contains(g.Members, o.ID):
			return current, nil
		case !g.has(t):
			return nil, groupClosed(groupOther)
		}
		g.Members = append(g.Members, o.ID)
		return current.write(GroupOpen, current.Due, g), nil
	}}
}

// mayJoin returns the group if an order of the item may take a seat in it, or has one: what can be told before it is
// decided what the order costs.
func mayJoin(group *Document, order, sku string, now int64) (*Group, error) {
	switch {
	case group == nil:
		return nil, groupClosed(groupUnknown)
	case group.State != GroupOpen:
		return nil, groupClosed(groupEnded)
	}
	g, err := read[Group](group)
	switch {
	case err != nil:
		return nil, storeError(err)
	case g.SKU != sku:
		return nil, groupClosed(groupOther)
	case now >= g.ClosesAt:
		return nil, groupClosed(groupEnded)
	case int64(len(g.Members)) >= g.Size && !slices.Contains(g.Members, order):
		return nil, Errorf(CodeGroupFull, "the group has no seat left")
	default:
		return g, nil
	}
}

// has reports whether those are the group's terms: nobody gets the price of a larger group in a smaller one. How long the
// others have waited is theirs.
func (g *Group) has(t groupTerms) bool { return g.Size == t.size && g.Price == t.price }

// groupFacts are what mechanics may know of the group.
func groupFacts(d *Document) GroupFacts {
	g, err := read[Group](d)
	if err != nil {
		return GroupFacts{}
	}
	return GroupFacts{
		ID: d.ID, Size: g.Size, Joined: int64(len(g.Members)), ClosesAt: g.ClosesAt, Leader: g.Leader,
	}
}

// GroupView is what whoever has a group's id may know of it.
type GroupView struct {
	Campaign string
	ID       string
	State    string // GroupOpen, GroupComplete or GroupFailed
	SKU      string
	Currency string // ISO 4217
	Price    int64  // per unit for its members, minor units
	Size     int64  // how many orders it needs
	Joined   int64  // how many seats are taken
	OpenedAt int64  // Unix milliseconds
	ClosesAt int64  // Unix milliseconds
}

// Group returns the group; not_found if there is none of that id, or if it is of a campaign that is not there for the shopper.
func (e *Engine) Group(ctx context.Context, id string, shopper Principal) (*GroupView, error) {
	c, err := e.shopperCampaign(ctx, CampaignOf(id), &shopper)
	if CodeOf(err) == CodeNotFound {
		return nil, noGroup(id)
	}
	if err != nil {
		return nil, err
	}
	key := DocumentKey{DocumentGroup, id}
	loaded, err := c.fetchAll(ctx, &load{wanted: []DocumentKey{key}})
	if err != nil {
		return nil, err
	}
	d := loaded.documents[key]
	if d == nil {
		return nil, noGroup(id)
	}
	g, err := read[Group](d)
	if err != nil {
		return nil, storeError(err)
	}
	return &GroupView{
		Campaign: c.id, ID: id, State: d.State, SKU: g.SKU, Currency: c.snapshot.Load().definition().Currency, Price: g.Price,
		Size: g.Size, Joined: int64(len(g.Members)), OpenedAt: g.OpenedAt, ClosesAt: g.ClosesAt,
	}, nil
}

// gathering is a group as it was read, with its members' orders where they matter.
type gathering struct {
	Group

	document *Document
	orders   []*Order
}

// accepts refuses money for a seat in a group that has ended. An order without a group has none.
func (g *gathering) accepts(now int64) error {
	if g == nil || g.document.State == GroupOpen && now < g.ClosesAt {
		return nil
	}
	return Errorf(CodeGroupClosed, "the group's time is over")
}

// groupOf returns the group that the order waits for, without its orders; nil if it waits for none.
func (c *campaign) groupOf(ctx context.Context, o *Order) (*gathering, error) {
	if !o.waits() {
		return nil, nil //nolint:nilnil // most orders have none
	}
	key := DocumentKey{DocumentGroup, o.group()}
	loaded, err := c.fetchAll(ctx, &load{wanted: []DocumentKey{key}})
	if err != nil {
		return nil, err
	}
	return gather(loaded.documents[key])
}

// gather reads the group's document; nil if there is none.
func gather(d *Document) (*gathering, error) {
	if d == nil {
		return nil, nil //nolint:nilnil // no document, no group
	}
	g, err := read[Group](d)
	if err != nil {
		return nil, storeError(err)
	}
	return &gathering{Group: *g, document: d}, nil
}

// workGroup looks whether the group has ended and lets its members' orders take note of it, all in one transaction, with
// the task that asked for it, nil if the group's own time did.
func (c *campaign) workGroup(ctx context.Context, id string, task *Document) error {
	for range maxDecisions {
		g, err := c.gatherAll(ctx, id, &task)
		if err != nil {
			return err
		}
		m := c.newMoves()
		m.resolve(g)
		if task != nil {
			m.plan.Documents = append(m.plan.Documents, gone(task))
		}
		if err = c.move(m.done()); !errors.Is(err, ErrConflict) {
			return storeError(err)
		}
	}
	return storeError(ErrConflict)
}

// gatherAll reads the group, its members' orders and the task afresh; errTaskDone if the task is gone.
func (c *campaign) gatherAll(ctx context.Context, id string, task **Document) (*gathering, error) {
	q := Query{Campaign: c.id, Brand: c.brand, Documents: []DocumentKey{{DocumentGroup, id}}}
	if *task != nil {
		q.Documents = append(q.Documents, (*task).Key())
	}
	state, err := c.query(q)
	if err != nil {
		return nil, err
	}
	if *task != nil {
		if *task = state.Documents[(*task).Key()]; *task == nil {
			return nil, errTaskDone
		}
	}
	g, err := gather(state.Documents[q.Documents[0]])
	if err == nil && g == nil {
		err = noGroup(id)
	}
	if err != nil || len(g.Members) == 0 {
		return g, err
	}
	if err := ctx.Err(); err != nil {
		return nil, storeError(err)
	}
	members, err := c.query(Query{Campaign: c.id, Brand: c.brand, Orders: g.Members})
	if err != nil {
		return nil, err
	}
	for _, order := range g.Members {
		if o := members.Orders[order]; o != nil {
			g.orders = append(g.orders, o)
		}
	}
	return g, nil
}

// full reports whether every seat is taken and paid.
func (g *gathering) full() bool {
	paid := func(o *Order) bool { return o.State == OrderPaid && o.waits() }
	return int64(len(g.orders)) == g.Size && !slices.ContainsFunc(g.orders, func(o *Order) bool { return !paid(o) })
}

// resolve moves the group and its members' orders on, if there is anything to be moved.
func (m *moves) resolve(g *gathering) {
	switch {
	case g.document.State == GroupOpen && g.full():
		m.complete(g)
	case g.document.State == GroupOpen && m.at() >= g.ClosesAt, g.document.State == GroupFailed:
		m.fail(g)
	}
}

// complete confirms every member's order.
func (m *moves) complete(g *gathering) {
	for _, member := range g.orders {
		o := member.copied()
		o.confirm(ConditionMet)
		m.change(o)
		m.confirmed(o)
		m.tell(o, tidings{
			template: "group_complete",
			en:       "Your group is complete: order " + o.ID + " is confirmed.",
			zh:       "您的团已成团，订单 " + o.ID + " 已确认。",
		})
	}
	g.Settled = true
	m.plan.Documents = append(m.plan.Documents, g.document.write(GroupComplete, 0, g.Group))
}

// fail offers every member that paid what it costs without the group, and refunds those who have not answered in time.
// Members that have not paid expire like any other order. The group is due again when the next offer ends.
func (m *moves) fail(g *gathering) {
	next := int64(0)
	for _, member := range g.orders {
		if !member.counted() {
			continue
		}
		if until := m.answer(member.copied()); until > 0 && (next == 0 || until < next) {
			next = until
		}
	}
	if g.document.State == GroupFailed && g.document.Due == next && g.Settled == (next == 0) {
		return
	}
	g.Settled = next == 0
	m.plan.Documents = append(m.plan.Documents, g.document.write(GroupFailed, next, g.Group))
}

// answer makes the offer to a member of a failed group, or ends what it did not answer to. It returns until when the member
// may answer, Unix milliseconds; 0 if nothing is asked any more.
func (m *moves) answer(o *Order) int64 {
	if o.State == OrderPlaced || o.waits() && !m.offer(o) {
		o.groupCondition().State = ConditionFailed
		m.refund(o)
		m.tellRefund(o)
		return 0
	}
	i := o.openDue()
	if i < 0 {
		return 0
	}
	if m.at() < o.Dues[i].DueAt {
		return o.Dues[i].DueAt
	}
	m.refund(o)
	m.tellRefund(o)
	return 0
}

// counted reports whether the order counted on its group: it is paid, all of it or a part. A part is what orders of earlier
// versions could pay, with a deposit and a group; the rest cannot be paid any more when the group has failed.
func (o *Order) counted() bool {
	return o.State == OrderPaid || o.State == OrderPlaced && o.waits() && o.paidSum() > 0
}

// defaultOffer is how long members of a failed group may pay the difference unless the campaign file says otherwise.
const defaultOffer = 24 * time.Hour

// offer lets a member of a failed group have its order for the difference to what it costs without the group. Where there
// is none the order is confirmed. False means that what it costs cannot be told, so that there is nothing to be offered.
func (m *moves) offer(o *Order) bool {
	difference, err := o.difference()
	if err != nil {
		return false
	}
	if difference <= 0 {
		o.confirm(ConditionWaived)
		m.change(o)
		m.confirmed(o)
		return true
	}
	window := time.Duration(m.def.Groups.Offer)
	if window == 0 {
		window = defaultOffer
	}
	until := m.now.Add(window)
	o.groupCondition().State = ConditionFailed
	o.Dues = append(o.Dues, Due{Kind: DueDifference, Amount: difference, DueAt: until.UnixMilli(), State: DueOpen})
	m.change(o)
	amountEN, amountZH := amountIn(difference, o.Currency)
	endEN, endZH := momentIn(m.def, until)
	m.tell(o, tidings{
		template: "group_failed",
		en: "Your group was not completed in time. You can have order " + o.ID + " at the full price: pay another " + amountEN +
			" by " + endEN + ". If you do nothing, you get your money back.",
		zh: "您的拼团未能按时成团。您可以在 " + endZH + " 前补差价 " + amountZH + "，按原价购买订单 " + o.ID + "；逾期未付将自动退款。",
	})
	return true
}

// seatTerms is the data of an order's group condition.
type seatTerms struct {
	Difference *int64 `json:"difference"` // what the order costs more without the group's price; nil in orders of earlier versions
	Group      string `json:"group"`
	Returns    int64  `json:"returns"` // what the discount budget gets back when the difference is paid; minor units, like it
}

// seatTerms are what is pinned of the group with a decided order.
func (q *quoted) seatTerms(group string) *seatTerms {
	d := q.decision
	difference := max(0, d.ungrouped-d.total)
	t := &seatTerms{Difference: &difference, Group: group}
	if q.snapshot.definition().Guardrails.DiscountBudget > 0 {
		t.Returns = min(d.off, difference)
	}
	return t
}

// appendJSON appends the terms as canonical JSON.
func (t *seatTerms) appendJSON(b []byte) []byte {
	b = appendInt(b, `{"difference":`, *t.Difference)
	b = appendString(append(b, `,"group":`...), t.Group)
	return append(appendInt(b, `,"returns":`, t.Returns), '}')
}

// seat returns the terms of the order's group condition; an error if it has none, or none that can be read.
func (o *Order) seat() (seatTerms, error) {
	var t seatTerms
	condition := o.groupCondition()
	if condition == nil {
		return t, Errorf(CodeInternal, "the order %q has no group", o.ID)
	}
	if err := json.Unmarshal(condition.Data, &t); err != nil {
		return t, storeError(err)
	}
	return t, nil
}

// group returns the id of the order's group, or "".
func (o *Order) group() string {
	t, _ := o.seat()
	return t.Group
}

// rebate is what the discount budget has back of what the order took: the group's part of it, once the difference is paid.
func (o *Order) rebate() int64 {
	if condition := o.groupCondition(); condition == nil || condition.State != ConditionWaived {
		return 0
	}
	t, _ := o.seat()
	return t.Returns
}

// held is what the order has of what it took.
func (o *Order) held() []Take {
	back := o.rebate()
	if back == 0 {
		return o.Takes
	}
	takes := slices.Clone(o.Takes)
	for i := range takes {
		if takes[i].Counter == CounterBudget {
			takes[i].Units -= back
		}
	}
	return takes
}

// difference is what an order costs more without its group than has been paid for it, minor units. Every other discount
// stays. An order of an earlier version has no such pin: it is then its first line at the item's price when the order was
// placed, its other lines as they are.
func (o *Order) difference() (int64, error) {
	terms, err := o.seat()
	if err != nil {
		return 0, err
	}
	if terms.Difference != nil {
		return *terms.Difference, nil
	}
	facts, _, err := o.pinned()
	if err != nil {
		return 0, err
	}
	full, err := money.Mul(facts.Item.Price, o.Lines[0].Units)
	if err != nil {
		return 0, storeError(err)
	}
	for _, line := range o.Lines[1:] {
		full += line.Amount
	}
	return full - o.paidSum(), nil
}

// paidSum is what is paid of the order's dues, minor units.
func (o *Order) paidSum() int64 {
	var sum int64
	for i := range o.Dues {
		if o.Dues[i].State == DuePaid {
			sum += o.Dues[i].Amount
		}
	}
	return sum
}

// pinned returns the facts that the order was decided by, and the number of the ruleset that decided.
func (o *Order) pinned() (*Facts, int64, error) {
	var quote struct {
		Facts   Facts `json:"facts"`
		Ruleset int64 `json:"ruleset"`
	}
	if err := json.Unmarshal(o.Quote, &quote); err != nil {
		return nil, 0, storeError(err)
	}
	return &quote.Facts, quote.Ruleset, nil
}
