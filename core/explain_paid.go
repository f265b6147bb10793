package core

import "context"

// explainPaid explains the order's decision at the hook paid, nil if there is none.
func (c *campaign) explainPaid(ctx context.Context, o *Order) (*ExplainedPaid, error) {
	if !o.wasConfirmed() || !c.asksPaid(o) {
		return nil, nil //nolint:nilnil // no decision is an answer
	}
	task, err := c.openTask(ctx, taskPaid, o.ID)
	if err != nil {
		return nil, err
	}
	facts, number, err := o.paidFacts()
	if err != nil {
		return nil, storeError(err)
	}
	ruleset, err := c.pinnedPaid(ctx, number)
	if CodeOf(err) == CodeUnavailable {
		return nil, err
	}
	out := &ExplainedPaid{State: PaidDone, At: facts.Now, Bindings: []ExplainedBinding{}}
	var def *Campaign // what was done named what was there, whatever the file says now
	if task != nil {
		out.State, out.Tries, out.Failure = PaidOpen, task.Tries, task.Failure
		def = c.snapshot.Load().definition()
	} else if o.Shipment != nil || o.State != OrderPaid {
		facts.Order.State, facts.Order.Carrier, facts.Order.Tracking = string(OrderPaid), "", "" // as it was then
	}
	out.Facts = facts.appendJSON(nil)
	if err != nil {
		out.Refusal = refusalOf(err, -1)
		return out, nil
	}
	x := ruleset.examine(HookPaid, facts, def, -1, EngineVersion)
	out.Bindings = x.steps()
	if x.refusal != nil {
		out.Refusal = refusalOf(x.refusal, x.binding)
	}
	return out, nil
}

// openTask returns what is left to do of the kind for the subject, nil if that is nothing.
func (c *campaign) openTask(ctx context.Context, what taskKind, subject string) (*Task, error) {
	q := DocumentQuery{Campaign: c.id, Brand: c.brand, Kind: DocumentTask, Prefix: string(what) + "/" + subject + "/", Limit: 1}
	open, err := c.engine.store.ListDocuments(ctx, q)
	if err != nil || len(open) == 0 {
		return nil, storeError(err)
	}
	task, err := read[Task](open[0])
	return task, storeError(err)
}

// wasConfirmed reports whether the order was paid whole, and the group that it waited for, if any, was complete.
func (o *Order) wasConfirmed() bool {
	switch o.State { //nolint:exhaustive // the states that come after being confirmed
	case OrderPaid, OrderShipped, OrderDelivered:
		return o.TakesState == TakesSpent
	case OrderRefunded:
		group := o.groupCondition()
		return o.paidAt() > 0 && (group == nil || group.State == ConditionMet || group.State == ConditionWaived)
	default:
		return false
	}
}
