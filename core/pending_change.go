package core

import (
	"context"
	"fmt"
	"math"
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
	if pending.Drain {
		if !record.Rollout.Draining {
			return by, record.draining(), nil
		}
		if drained, err := e.drained(ctx, c); err != nil || !drained {
			return nil, nil, err
		}
	}
	err = e.checkChange(ctx, record, &pending.Change)
	if err == nil {
		plan, err = record.changed(&pending.Change, pending.Reason)
	}
	if err == nil {
		return by, plan, nil
	}
	if passes(ctx, err) {
		return nil, nil, err
	}
	e.log.Error("a pending change cannot be made and is dropped", "campaign", c.id, "ruleset", pending.Change.Ruleset, "error", err)
	return &Principal{ID: systemActor}, record.dropped(pending, err), nil
}

// drained reports whether every hold has ended: what has run out is ended here, so that nobody waits for the next sweep.
func (e *Engine) drained(ctx context.Context, c *campaign) (bool, error) {
	if _, err := e.Expire(ctx, c.id); err != nil {
		return false, err
	}
	placed, err := e.store.Due(ctx, c.id, math.MaxInt64, 1)
	return len(placed) == 0, storeError(err)
}

// draining is the swap after which nothing is sold until the pending change has been made.
func (r *CampaignRecord) draining() *swapPlan {
	next := r.Rollout
	next.Draining = true
	return &swapPlan{
		rollout: next, fenced: true, action: ActionDrain, reason: r.Rollout.Pending.Reason, undo: r.Rollout.Undo,
	}
}

// dropped is the swap that gives the pending change up, for a reason.
func (r *CampaignRecord) dropped(pending *Pending, why error) *swapPlan {
	next := r.Rollout
	next.Pending, next.Draining = nil, false
	return &swapPlan{
		rollout: next, fenced: r.Rollout.Draining, action: ActionFallback, undo: r.Rollout.Undo,
		reason: fmt.Sprintf("ruleset %d was to become %s and could not: %v", pending.Change.Ruleset, pending.Change.Mode, why),
	}
}
