package core

import (
	"cmp"
	"slices"
	"time"
)

// moves builds the plan of changes of existing orders with all that follows from them: what goes back to the counters,
// what is left to do, and what the shoppers are told.
type moves struct {
	campaign *campaign
	def      *Campaign
	now      time.Time
	plan     *Plan
	taken    map[string]int64 // units that the plan takes by counter; negative for those that it returns
}

func (c *campaign) newMoves() *moves {
	def := c.snapshot.Load().definition()
	return &moves{
		campaign: c, def: def, now: c.engine.now(), plan: &Plan{Campaign: c.id, Brand: def.Brand}, taken: map[string]int64{},
	}
}

// at is the moment of the moves, Unix milliseconds.
func (m *moves) at() int64 { return m.now.UnixMilli() }

// done returns the plan, in lock order.
func (m *moves) done() *Plan {
	for counter, units := range m.taken {
		m.plan.Counters = append(m.plan.Counters, Delta{Counter: counter, Units: units})
	}
	slices.SortFunc(m.plan.Counters, func(a, b Delta) int { return cmp.Compare(a.Counter, b.Counter) })
	m.plan.sort()
	return m.plan
}

// move applies the plan and has what it leaves to do begun right away.
func (c *campaign) move(plan *Plan) error {
	err := c.apply(plan)
	if err == nil {
		c.begin(plan.Documents)
	}
	return err
}

// change writes the order as it shall be; it keeps what it took.
func (m *moves) change(o *Order) {
	o.UpdatedAt = m.at()
	m.plan.Moves = append(m.plan.Moves, Move{Order: o})
}

// pay lets the order take note of its payment.
func (m *moves) pay(s *settlement) {
	o := s.paid(m.at())
	m.change(o)
	if back := o.rebate() - s.order.rebate(); back > 0 {
		m.taken[CounterBudget] -= back
	}
	switch {
	case o.waits():
		m.leave(Task{What: taskGroup, Subject: o.group()}, o.ID)
	case o.State == OrderPaid:
		m.confirmed(o)
	}
}

// confirmed has the mechanics asked at the hook paid, if there are any that want to be. An order that waits for a group
// is confirmed when the group has ended, so that nothing is granted for what may yet be refunded.
func (m *moves) confirmed(o *Order) {
	if m.campaign.asksPaid(o) {
		m.leave(Task{What: taskPaid, Subject: o.ID}, causePaid)
	}
}

// leave leaves something to be done after the plan's commit.
func (m *moves) leave(t Task, cause string) {
	m.plan.Documents = append(m.plan.Documents, newTask(t, cause, m.now))
}

// giveBack ends the order in the state and returns everything it took.
func (m *moves) giveBack(o *Order, to OrderState) {
	o.State, o.TakesState, o.UpdatedAt = to, TakesReturned, m.at()
	m.plan.Moves = append(m.plan.Moves, Move{Order: o, Release: true})
	for _, take := range o.held() {
		m.taken[take.Counter] -= take.Units
	}
}

// refund ends the order and gives all the money back that was paid for it, and, unless it has left the house, everything
// that it took. What was granted for it goes, too.
func (m *moves) refund(o *Order) {
	if o.isConfirmed() && m.campaign.asksPaid(o) {
		m.leave(Task{What: taskVoid, Subject: o.ID}, "refunded")
	}
	m.refundDues(o)
	if o.State == OrderShipped || o.State == OrderDelivered {
		o.State = OrderRefunded
		m.change(o)
		return
	}
	m.giveBack(o, OrderRefunded)
}

// refundDues has every due refunded that was paid, and returns their sum.
func (m *moves) refundDues(o *Order) int64 {
	var sum int64
	for i := range o.Dues {
		if o.Dues[i].State == DuePaid {
			o.Dues[i].State = DueRefunded
			m.giveMoneyBack(o, i)
			sum += o.Dues[i].Amount
		}
	}
	return sum
}

// giveMoneyBack leaves the refund of the order's due to be done. What was paid at the dealer's counter goes back over
// the same counter.
func (m *moves) giveMoneyBack(o *Order, due int) {
	if d := &o.Dues[due]; d.Amount > 0 && d.Payment == paymentID(o.ID, due) {
		m.leave(Task{What: taskRefund, Subject: o.ID, Due: due}, d.Payment)
	}
}

// copied returns an order that may be changed without changing the one that was read.
func (o *Order) copied() *Order {
	next := *o
	next.Dues, next.Conditions = slices.Clone(o.Dues), slices.Clone(o.Conditions)
	return &next
}

// groupCondition returns the condition that the order's group is complete, or nil.
func (o *Order) groupCondition() *Condition {
	i := slices.IndexFunc(o.Conditions, func(c Condition) bool { return c.Kind == ConditionGroup })
	if i < 0 {
		return nil
	}
	return &o.Conditions[i]
}

// waits reports whether the order has a seat in a group that has not ended for it.
func (o *Order) waits() bool {
	condition := o.groupCondition()
	return condition != nil && condition.State == ConditionOpen
}
