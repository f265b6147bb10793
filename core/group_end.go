package core

import (
	"context"
	"errors"
	"slices"
	"time"
)

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

// deserted reports whether the group is open and nobody has a seat in it any more.
func (g *gathering) deserted() bool { return g.document.State == GroupOpen && len(g.Members) == 0 }

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
