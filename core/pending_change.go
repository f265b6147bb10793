package core

import (
	"context"
	"fmt"
	"time"
)

// attend looks to the change that waits for its moment, if one does. It is called whenever the campaign has changed, and at
// every look for changes, so that a clock that was set, or holds that ended early, are noticed.
func (e *Engine) attend(c *campaign) {
	pending := c.snapshot.Load().record.Rollout.Pending
	if pending == nil || pending.Approval != "" {
		e.alarms.silence(c.id)
		return
	}
	if wait := time.UnixMilli(pending.At).Sub(e.now()); wait > 0 {
		e.alarms.ring(c.id, wait, func() { e.attend(c) })
		return
	}
	e.changers.start(c.id, func() {
		if err := e.makePending(e.background, c); err != nil && e.background.Err() == nil {
			e.log.Warn("a pending change could not be made; it is tried again", "campaign", c.id, "error", err)
		}
	})
}

// makePending makes the change that waits, now that its moment has come: every node tries, and the store lets one do it. A
// change that cannot be made any more is dropped, with its reason.
func (e *Engine) makePending(ctx context.Context, c *campaign) error {
	c.due.making.Lock()
	defer c.due.making.Unlock()
	for range swapTries {
		record, err := e.Record(ctx, c.id)
		if err != nil {
			return err
		}
		pending := record.Rollout.Pending
		if pending == nil || pending.Approval != "" || pending.At > e.now().UnixMilli() {
			_, err := e.refresh(ctx, c.id)
			return err
		}
		by, plan, err := e.planPending(ctx, c, record, pending)
		if err != nil || plan == nil {
			return err
		}
		made := false
		_, err = e.swap(ctx, c.id, by, func(current *CampaignRecord) (*swapPlan, error) {
			if made = current.Revision == record.Revision; !made {
				return nil, nil //nolint:nilnil // it is planned again for what has come between
			}
			return plan, nil
		})
		if made || err != nil {
			return err
		}
	}
	return storeError(ErrConflict)
}

// planPending is what is to be done about the change whose moment has come, and by whom; no plan means that it has to wait on.
func (e *Engine) planPending(
	ctx context.Context, c *campaign, record *CampaignRecord, pending *Pending,
) (by *Principal, plan *swapPlan, err error) {
	by = &Principal{ID: pending.By, Role: pending.Role}
	if record.Rollout.Draining {
		if drained, err := e.drained(ctx, c, record.Epoch); err != nil || !drained {
			return nil, nil, err
		}
	}
	ready, err := e.readyFor(ctx, c, pending)
	if err != nil || !ready {
		return nil, nil, err
	}
	err = e.checkChange(ctx, record, &pending.Change)
	if err == nil {
		by, plan, err = e.planChecked(ctx, record, pending, by)
	}
	if err == nil || passes(ctx, err) {
		return by, plan, err
	}
	e.log.Error("a pending change cannot be made and is dropped", "campaign", c.id, "ruleset", pending.Change.Ruleset, "error", err)
	plan, err = e.dropped(ctx, record, err)
	return &Principal{ID: systemActor}, plan, err
}

// planChecked is the swap that makes a change which can be made, or begins its drain. What nobody has approved is measured
// again: the prices that it moves may be others than when it was asked for.
func (e *Engine) planChecked(
	ctx context.Context, record *CampaignRecord, pending *Pending, by *Principal,
) (*Principal, *swapPlan, error) {
	if pending.ApprovedBy == "" {
		why, err := e.needsApproval(ctx, record, &pending.Change)
		if err != nil {
			return nil, nil, err
		}
		if why != "" {
			return &Principal{ID: systemActor}, record.unapproved(why), nil
		}
	}
	if pending.Drain && !record.Rollout.Draining {
		return by, record.draining(), nil
	}
	plan, err := record.changed(&pending.Change, pending.Reason)
	if err == nil && pending.ApprovedBy != "" {
		plan.rollout.agree(pending.Change.Ruleset)
	}
	return by, plan, err
}

// draining is the swap after which nothing is sold until the pending change has been made.
func (r *CampaignRecord) draining() *swapPlan {
	next := r.Rollout
	next.Draining = true
	return &swapPlan{
		rollout: next, fenced: true, action: ActionDrain, reason: r.Rollout.Pending.Reason, undo: r.Rollout.Undo,
	}
}

// unapproved is the swap after which the pending change waits for somebody else to approve it. Meanwhile the sale goes on.
func (r *CampaignRecord) unapproved(why string) *swapPlan {
	pending := *r.Rollout.Pending
	pending.Approval = why
	plan := r.waiting(&pending)
	plan.reason = fmt.Sprintf("ruleset %d was to become %s and waits for approval: %s", pending.Change.Ruleset, pending.Change.Mode, why)
	return plan
}

// dropped is the swap that gives the pending change up, for a reason. It brings back what was before the change waited, so an
// undo of it goes to what was before that.
func (e *Engine) dropped(ctx context.Context, record *CampaignRecord, why error) (*swapPlan, error) {
	next, pending := record.Rollout, record.Rollout.Pending
	next.Pending, next.Draining = nil, false
	plan := &swapPlan{
		rollout: next, fenced: record.Rollout.Draining, action: ActionFallback, undo: record.Rollout.Undo,
		reason: fmt.Sprintf("ruleset %d was to become %s and could not: %v", pending.Change.Ruleset, pending.Change.Mode, why),
	}
	if plan.undo == 0 {
		return plan, nil
	}
	before, err := e.campaigns.Rollout(ctx, record.Definition.Key(), plan.undo)
	if err != nil {
		return nil, storeError(err)
	}
	if before != nil && next.looksLike(&before.Rollout) {
		plan.undo = before.Rollout.Undo
	}
	return plan, nil
}

// looksLike reports whether an undo to before would bring back nothing that is not there.
func (r *Rollout) looksLike(before *Rollout) bool {
	return r.Live == before.Live && r.LastGood == before.LastGood && r.Stop == before.Stop &&
		same(r.Canary, before.Canary) && same(r.Shadow, before.Shadow)
}

// same reports whether both are absent, or equal.
func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }
