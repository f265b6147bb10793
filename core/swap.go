package core

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
)

// swapTries is how often a change of a rollout is made again because another change of the campaign came between.
const swapTries = 16

// swapPlan is what a change makes of a campaign's rollout.
type swapPlan struct {
	rollout Rollout // Live, LastGood, Canary, Shadow, Stop, Breakers, Offer, Draining, Pending and Forced as they shall be
	// fenced says that the change can change a decision, so that nothing may commit that was decided before.
	fenced bool
	action Action
	guard  GuardName // that trips, for ActionGuard
	trip   Trip      // of that guard, but for its instant
	reason string
	undo   int64 // the rollout that an undo goes back to; 0 means that the change cannot be undone
	agreed bool  // a second person has agreed to what is in force then
}

// swap changes the campaign's rollout at one instant for every node. change sees the record as it is and says what becomes
// of it; it is asked again, with the fresh record, if another change came between. Without a plan nothing is changed.
func (e *Engine) swap(
	ctx context.Context, campaign string, by *Principal, change func(current *CampaignRecord) (*swapPlan, error),
) (*Swapped, error) {
	for range swapTries {
		record, err := e.Record(ctx, campaign)
		if err != nil {
			return nil, err
		}
		plan, err := change(record)
		if err != nil {
			return nil, err
		}
		if plan == nil {
			return &Swapped{Rollout: &record.Rollout, Revision: record.Revision, Epoch: record.Epoch, At: record.Rollout.At}, nil
		}
		next, err := e.planSwap(ctx, record, by, plan)
		if err != nil {
			return nil, err
		}
		at, err := e.save(ctx, next)
		if err == nil {
			return e.swapped(ctx, next, at), nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, storeError(err)
		}
	}
	return nil, storeError(ErrConflict)
}

// swapped is the change that is in force since the instant. This node follows it at once; that it cannot does not undo the change.
func (e *Engine) swapped(ctx context.Context, change *CampaignChange, at int64) *Swapped {
	id := change.Record.Definition.ID
	if _, err := e.refresh(context.WithoutCancel(ctx), id); err != nil {
		e.log.Warn("a swap is in force that this node has yet to follow", "campaign", id, "error", err)
	}
	return &Swapped{Rollout: &change.Record.Rollout, Revision: change.Record.Revision, Epoch: change.Record.Epoch, At: at}
}

// planSwap is the change of the campaign that makes the plan's rollout the one in force.
func (e *Engine) planSwap(
	ctx context.Context, record *CampaignRecord, by *Principal, plan *swapPlan,
) (*CampaignChange, error) {
	now := e.now().UnixMilli()
	next := *record
	next.Revision++
	if plan.fenced {
		next.Epoch++
	}
	next.Rollout = plan.rollout
	next.Rollout.Number, next.Rollout.Undo = record.Rollout.Number+1, plan.undo
	next.Rollout.Action, next.Rollout.At, next.Rollout.By, next.Rollout.Role = plan.action, now, by.ID, by.Role
	next.Rollout.Reason, next.Rollout.Guard = plan.reason, plan.guard
	next.Rollout.Trips = record.Rollout.Trips // facts, which no change undoes
	if plan.trip.Guard != "" {
		plan.trip.At = now
		next.Rollout.trip(plan.trip)
	}
	if next.Rollout.Live != record.Rollout.Live {
		live, err := e.rulesetsOf(record.Definition.Key()).stored(ctx, next.Rollout.Live)
		if err != nil {
			return nil, err
		}
		next.Ruleset = *live
		next.Definition = record.Definition.deciding(live) // so that the file says what is in force
	}
	if plan.agreed || !record.asksTwo() {
		next.agree()
	}
	entry := by.entry(now, "rollout."+string(plan.action), record.Definition.Brand, record.Definition.ID, plan.reason)
	entry.Before, _ = json.Marshal(record.Rollout) // plain data always encodes
	entry.After, _ = json.Marshal(next.Rollout)
	return &CampaignChange{Record: next, From: record.Revision, Limits: record.Definition.Limits(), Entry: entry}, nil
}

// deciding returns a copy of the campaign file that binds what the ruleset does.
func (c *Campaign) deciding(ruleset *Ruleset) *Campaign {
	copied := *c
	copied.Ruleset, copied.Stacking = ruleset.Bindings, ruleset.Stacking
	return &copied
}

// ownRecord returns the campaign as it is stored, if it is the principal's business.
func (e *Engine) ownRecord(ctx context.Context, id string, staff *Principal) (*CampaignRecord, error) {
	record, err := e.Record(ctx, id)
	if err == nil && (staff.Role == RoleShopper || !staff.serves(record.Definition.Brand)) {
		return nil, Errorf(CodeNotFound, "there is no campaign %q", id)
	}
	return record, err
}

// RolloutHistory returns up to limit changes of the campaign, the newest first, below the given revision unless that is 0.
func (e *Engine) RolloutHistory(
	ctx context.Context, campaign string, below int64, limit int, staff Principal,
) ([]RolloutEntry, error) {
	record, err := e.ownRecord(ctx, campaign, &staff)
	if err != nil {
		return nil, err
	}
	entries, err := e.campaigns.Rollouts(ctx, record.Definition.Key(), below, limit)
	return entries, storeError(err)
}

// ChangeRollout makes a ruleset live, a canary or a shadow, or ends what is beside the live one: at one instant for every
// order on every node, or, if At or the holds say so, later. Nodes have compiled the ruleset before it can decide. A node that
// has not is not_ready, and nothing is changed, unless the change is forced.
func (e *Engine) ChangeRollout(ctx context.Context, req RolloutRequest) (*Swapped, error) {
	if err := req.check(e.now().UnixMilli()); err != nil {
		return nil, err
	}
	record, err := e.ownRecord(ctx, req.Campaign, &req.Actor)
	if err != nil {
		return nil, err
	}
	if err := record.Rollout.expects(req.Expect); err != nil {
		return nil, err
	}
	if err := e.checkChange(ctx, record, &req.Change); err != nil {
		return nil, err
	}
	swapped, err := e.swap(ctx, req.Campaign, &req.Actor, func(current *CampaignRecord) (*swapPlan, error) {
		if err := current.Rollout.expects(req.Expect); err != nil {
			return nil, err
		}
		return e.planChangeOf(ctx, current, &req)
	})
	if err != nil || req.Change.Ruleset == 0 {
		return swapped, err
	}
	ruleset, err := e.campaigns.Ruleset(ctx, record.Definition.Key(), req.Change.Ruleset)
	if err == nil && ruleset != nil { // the change is in force, whether or not somebody can be warned
		swapped.Warnings = e.endsBefore(ctx, record.Definition, ruleset)
	}
	return swapped, nil
}

// planChangeOf is the swap that the request asks for: now, or one that makes it wait.
func (e *Engine) planChangeOf(ctx context.Context, current *CampaignRecord, req *RolloutRequest) (*swapPlan, error) {
	pending := &Pending{
		Change: req.Change, At: req.At, Drain: req.Change.Holds == HoldsDrain, By: req.Actor.ID, Role: req.Actor.Role,
		Asked: e.now().UnixMilli(), Reason: req.Reason,
	}
	var err error
	if pending.Approval, err = e.needsApproval(ctx, current, &req.Change); err != nil {
		return nil, err
	}
	if pending.Approval != "" || pending.At > 0 || pending.Drain {
		return current.waiting(pending), nil
	}
	return current.changed(&req.Change, req.Reason)
}

// check refuses what no rollout can be.
func (r *RolloutRequest) check(now int64) error {
	switch {
	case r.At != 0 && r.Change.Mode == ModeAbort:
		return Errorf(CodeInvalid, "abort is made at once: it takes no at")
	case r.At != 0 && r.At <= now:
		return Errorf(CodeInvalid, "at must be an instant to come")
	}
	return cmp.Or(checkReason(r.Reason), r.Change.checkMode(), r.Change.checkCanary(), r.Change.checkHolds())
}

func (c *Change) checkMode() error {
	switch {
	case !slices.Contains([]Mode{ModeLive, ModeCanary, ModeShadow, ModeAbort}, c.Mode):
		return Errorf(CodeInvalid, "mode must be live, canary, shadow or abort, not %q", c.Mode)
	case c.Mode != ModeAbort && c.Ruleset < 1:
		return Errorf(CodeInvalid, "say which ruleset")
	case c.Mode == ModeAbort && c.Ruleset != 0:
		return Errorf(CodeInvalid, "abort names no ruleset: it ends canary, shadow and pending change")
	default:
		return nil
	}
}

func (c *Change) checkCanary() error {
	switch {
	case c.Mode != ModeCanary && (c.Percent != 0 || c.Tag != ""):
		return Errorf(CodeInvalid, "percent and tag are for a canary")
	case c.Mode != ModeCanary:
		return nil
	case (c.Tag == "") == (c.Percent == 0):
		return Errorf(CodeInvalid, "a canary needs percent or tag, one of the two")
	case c.Tag == "" && (c.Percent < 1 || c.Percent > 99):
		return Errorf(CodeInvalid, "percent must be 1 to 99; for everybody, make the ruleset live")
	default:
		return nil
	}
}

func (c *Change) checkHolds() error {
	switch {
	case c.Holds != "" && !slices.Contains([]Holds{HoldsHonour, HoldsOffer, HoldsDrain}, c.Holds):
		return Errorf(CodeInvalid, "holds must be honour, offer or drain, not %q", c.Holds)
	case c.Holds != "" && c.Holds != HoldsHonour && c.Mode != ModeLive:
		return Errorf(CodeInvalid, "holds are for a ruleset that becomes live")
	default:
		return nil
	}
}

// expects refuses a change by somebody who has not seen this rollout.
func (r *Rollout) expects(number int64) error {
	if number != r.Number {
		return Errorf(CodePreconditionFailed, "the rollout is number %d now, not %d; look at it again", r.Number, number)
	}
	return nil
}

// checkChange refuses a ruleset that is not there, that does not suit the campaign, or that a node is not ready for.
func (e *Engine) checkChange(ctx context.Context, record *CampaignRecord, change *Change) error {
	if change.Mode == ModeAbort {
		return nil
	}
	c, err := e.campaign(ctx, record.Definition.ID)
	if err != nil {
		return err
	}
	if _, err := c.rulesets.stored(ctx, change.Ruleset); err != nil {
		return err
	}
	if err := c.prepare(ctx, change.Ruleset); err == nil {
		ruleset, err := c.pinned(ctx, change.Ruleset)
		if err != nil {
			return storeError(err)
		}
		if err := ruleset.checkSuits(record.Definition); err != nil {
			return err
		}
	} else if passes(ctx, err) {
		return storeError(err)
	}
	if change.Mode == ModeShadow {
		return nil
	}
	return e.requireReady(ctx, record.Definition.ID, change)
}

// changed is the swap that makes the change now.
func (r *CampaignRecord) changed(change *Change, reason string) (*swapPlan, error) {
	next := r.Rollout
	plan := &swapPlan{action: Action(change.Mode), reason: reason, undo: r.Rollout.before()}
	next.Forced = change.Force || next.Forced && change.Mode != ModeLive // whom it keeps out, it keeps out until another is live
	if next.Pending != nil && (change.replaces() || *change == next.Pending.Change) {
		next.Pending, next.Draining = nil, false
	}
	var err error
	switch change.Mode {
	case ModeLive:
		err = next.goLive(change, r.Epoch+1)
	case ModeCanary:
		err = next.beginCanary(change)
	case ModeShadow:
		err = next.beginShadow(change)
	case ModeAbort:
		if next.Canary == nil && next.Shadow == nil && r.Rollout.Pending == nil {
			err = Errorf(CodeWrongState, "there is no canary, shadow or pending change to abort")
		}
		next.Canary, next.Shadow = nil, nil
	}
	plan.rollout, plan.fenced = next, !next.decidesLike(&r.Rollout)
	return plan, err
}

// beginShadow begins one, in the place of another.
func (r *Rollout) beginShadow(change *Change) error {
	switch {
	case change.Ruleset == r.Live:
		return Errorf(CodeWrongState, "ruleset %d is live: there is nothing to compare it with", change.Ruleset)
	case r.Shadow != nil && r.Shadow.Ruleset == change.Ruleset:
		return Errorf(CodeWrongState, "ruleset %d is the shadow already", change.Ruleset)
	}
	r.Shadow = &Shadow{Ruleset: change.Ruleset, Since: r.Number + 1}
	return nil
}

// replaces reports whether the change takes the place of one that waits: a canary or a shadow begins beside it.
func (c *Change) replaces() bool { return c.Mode == ModeLive || c.Mode == ModeAbort }

// decidesLike reports whether the same ruleset decides for the same shoppers, so that nothing has to be decided again.
func (r *Rollout) decidesLike(before *Rollout) bool {
	return r.Canary.isLike(before.Canary) && r.Live == before.Live && r.LastGood == before.LastGood && r.Offer == before.Offer &&
		r.Draining == before.Draining && len(r.Breakers) == len(before.Breakers)
}

// before is the rollout that an undo of the next change goes back to: this one, or, if this one only lets a change wait, the
// one before that.
func (r *Rollout) before() int64 {
	if r.Action == ActionPropose || r.Action == ActionDrain {
		return r.Undo
	}
	return r.Number
}

// goLive makes the change's ruleset the one that decides, from the epoch on.
func (r *Rollout) goLive(change *Change, epoch int64) error {
	if r.Live == change.Ruleset && r.Canary == nil && len(r.Breakers) == 0 {
		return Errorf(CodeWrongState, "ruleset %d is live already", change.Ruleset)
	}
	r.decideBy(change.Ruleset)
	r.letDecide(change.Ruleset)
	r.Offer = 0
	if change.Holds == HoldsOffer {
		r.Offer = epoch
	}
	return nil
}

// decideBy makes the ruleset the live one. That is one person's doing, unless somebody says that it is agreed on.
func (r *Rollout) decideBy(ruleset int64) {
	if r.Live != ruleset {
		agreed := r.agreedRuleset()
		r.LastGood, r.LastGoodAgreed, r.Live, r.Agreed = r.Live, r.Agreed, ruleset, agreed
		if agreed == ruleset {
			r.Agreed = 0
		}
	}
	r.Canary = nil // it was compared with what is no longer live, or is live now
	if r.Shadow != nil && r.Shadow.Ruleset == ruleset {
		r.Shadow = nil
	}
	r.Breakers = slices.DeleteFunc(slices.Clone(r.Breakers), func(b Breaker) bool { return b.Ruleset == ruleset })
}

// beginCanary begins one, or gives the one that runs to other shoppers.
func (r *Rollout) beginCanary(change *Change) error {
	if change.Ruleset == r.Live {
		return Errorf(CodeWrongState, "ruleset %d is live: it decides for everybody", change.Ruleset)
	}
	next := Canary{Ruleset: change.Ruleset, Percent: change.Percent, Tag: change.Tag, Since: r.Number + 1}
	if r.Canary != nil && r.Canary.Ruleset == change.Ruleset {
		next.Since, next.Agreed = r.Canary.Since, r.Canary.Agreed
	}
	if r.Canary != nil && *r.Canary == next {
		return Errorf(CodeWrongState, "ruleset %d is that canary already", change.Ruleset)
	}
	r.letDecide(change.Ruleset)
	r.Canary = &next
	return nil
}

// waiting is the swap that lets the change wait. Only one change waits at a time: it takes the place of another.
func (r *CampaignRecord) waiting(pending *Pending) *swapPlan {
	next := r.Rollout
	next.Pending = pending
	plan := &swapPlan{action: ActionPropose, reason: pending.Reason, undo: r.Rollout.before()}
	next.Draining = pending.Drain && pending.At == 0 && pending.Approval == ""
	if next.Draining != r.Rollout.Draining {
		plan.fenced = true
	}
	if next.Draining {
		plan.action = ActionDrain
	}
	plan.rollout = next
	return plan
}
