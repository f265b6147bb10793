package core

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
		live, err := e.rulesetsOf(record.Definition.ID).stored(ctx, next.Rollout.Live)
		if err != nil {
			return nil, err
		}
		next.Ruleset = *live
		next.Definition = record.Definition.deciding(live) // so that the file says what is in force
	}
	entry := StaffEntry{
		At: now, Actor: by.ID, Role: string(by.Role), Brand: record.Definition.Brand, Campaign: record.Definition.ID,
		Action: "rollout." + string(plan.action), Reason: plan.reason,
	}
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

// AddRuleset compiles and warms a ruleset that is not to decide yet, and stores it under the next number. What is wrong with
// it comes back as *[Problems] with paths into a campaign file, and nothing is stored. The other nodes prepare it, too;
// [Engine.ChangeRollout] puts it in force. What failed while it was warmed is among the answer's warnings.
func (e *Engine) AddRuleset(ctx context.Context, req RulesetRequest) (*Ruleset, error) {
	if err := checkOptionalReason(req.Reason); err != nil {
		return nil, err
	}
	for range swapTries {
		record, err := e.ownRecord(ctx, req.Campaign, &req.Actor)
		if err != nil {
			return nil, err
		}
		c, err := e.campaign(ctx, req.Campaign)
		if err != nil {
			return nil, err
		}
		added, ruleset, err := e.newRuleset(ctx, record, &req)
		if err != nil {
			return nil, err
		}
		warnings := ruleset.warm(c.snapshot.Load(), e.now().UnixMilli())
		err = e.campaigns.AddRuleset(ctx, added)
		if err == nil {
			c.rulesets.put(&knownRuleset{stored: &added.Ruleset, ruleset: ruleset})
			c.rulesets.keepWarm(added.Ruleset.Number)
			e.preparer.tellReady(c.id, added.Ruleset.Number)
			answer := added.Ruleset
			answer.Warnings = warnings
			return &answer, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, storeError(err)
		}
	}
	return nil, storeError(ErrConflict)
}

// newRuleset compiles the ruleset and holds it against the campaign, as if the campaign file named it.
func (e *Engine) newRuleset(ctx context.Context, record *CampaignRecord, req *RulesetRequest) (*AddedRuleset, *compiled, error) {
	now := e.now().UnixMilli()
	added := &AddedRuleset{Campaign: req.Campaign, Brand: record.Definition.Brand, Ruleset: Ruleset{
		Number: record.Rulesets + 1, Bindings: req.Bindings, Stacking: req.Stacking, Previous: record.Rollout.Live,
		Reason: req.Reason, CreatedAt: now, CreatedBy: req.Actor.ID,
	}}
	def := record.Definition.deciding(&added.Ruleset)
	if err := def.Validate().Err(); err != nil {
		return nil, nil, err
	}
	ruleset, err := e.compileNew(ctx, def, &added.Ruleset)
	if err != nil {
		return nil, nil, err
	}
	added.Ruleset.Digests, added.Ruleset.Hooks = ruleset.digests(), append([]Hook{}, ruleset.hooks()...)
	if added.Artefacts, err = e.artefacts(ctx, ruleset); err != nil {
		return nil, nil, err
	}
	added.Entry = StaffEntry{
		At: now, Actor: req.Actor.ID, Role: string(req.Actor.Role), Brand: added.Brand, Campaign: req.Campaign,
		Action: "ruleset.add", Reason: req.Reason,
	}
	added.Entry.After, _ = json.Marshal(added.Ruleset) // plain data always encodes
	ruleset.ruleset = added.Ruleset
	return added, ruleset, nil
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
	if _, err := e.ownRecord(ctx, campaign, &staff); err != nil {
		return nil, err
	}
	entries, err := e.campaigns.Rollouts(ctx, campaign, below, limit)
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
	return e.swap(ctx, req.Campaign, &req.Actor, func(current *CampaignRecord) (*swapPlan, error) {
		if err := current.Rollout.expects(req.Expect); err != nil {
			return nil, err
		}
		return e.planChangeOf(ctx, current, &req)
	})
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

// decideBy makes the ruleset the live one.
func (r *Rollout) decideBy(ruleset int64) {
	if r.Live != ruleset {
		r.LastGood, r.Live = r.Live, ruleset
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
		next.Since = r.Canary.Since
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

// Undo goes back to the rollout before: one action, from whatever is in force. It waits for no node. What it goes back to
// may have been undone from itself; then the next undo goes further back. A stop stays as it is, and what a guard took back
// is passed over.
func (e *Engine) Undo(ctx context.Context, req UndoRequest) (*Swapped, error) {
	if err := checkReason(req.Reason); err != nil {
		return nil, err
	}
	if _, err := e.ownRecord(ctx, req.Campaign, &req.Actor); err != nil {
		return nil, err
	}
	return e.swap(ctx, req.Campaign, &req.Actor, func(current *CampaignRecord) (*swapPlan, error) {
		if req.Expect != 0 {
			if err := current.Rollout.expects(req.Expect); err != nil {
				return nil, err
			}
		}
		return e.planUndo(ctx, current, req.Reason)
	})
}

func (e *Engine) planUndo(ctx context.Context, current *CampaignRecord, reason string) (*swapPlan, error) {
	if current.Rollout.Undo == 0 {
		return nil, Errorf(CodeWrongState, "there is no rollout before this one")
	}
	before, err := e.lastTrusted(ctx, current)
	if err != nil {
		return nil, err
	}
	if err := e.checkSuitsAgain(ctx, current, before.Rollout.Live); err != nil {
		return nil, err
	}
	next := before.Rollout
	next.Stop, next.TakenBack = current.Rollout.Stop, current.Rollout.TakenBack
	next.Breakers, next.Closed = current.Rollout.Breakers, current.Rollout.Closed // facts about mechanics, nobody's decisions
	next.Pending, next.Draining, next.Offer = nil, false, 0
	next.comeBack(&current.Rollout)
	return &swapPlan{rollout: next, fenced: true, action: ActionUndo, reason: reason, undo: before.Rollout.Undo}, nil
}

// lastTrusted returns the rollout that an undo goes back to: the last one that is another, and under which no ruleset decided
// that a guard has taken back since.
func (e *Engine) lastTrusted(ctx context.Context, current *CampaignRecord) (*RolloutEntry, error) {
	for number := current.Rollout.Undo; number != 0; {
		before, err := e.campaigns.Rollout(ctx, current.Definition.ID, number)
		if err != nil {
			return nil, storeError(err)
		}
		if before == nil {
			return nil, storeError(fmt.Errorf("rollout %d of %s is not in its history", number, current.Definition.ID))
		}
		passed := current.Rollout.Pending == nil && before.Rollout.chooses(&current.Rollout) // nobody would see a difference
		if !passed && !before.Rollout.wasTakenBack(current.Rollout.TakenBack) {
			return before, nil
		}
		number = before.Rollout.Undo
	}
	return nil, Errorf(CodeWrongState, "there is no other rollout before this one, except what a guard took back")
}

// comeBack lets a canary and a shadow that an undo restores begin anew, unless they have gone on all the time: what was
// counted of them before is about another time.
func (r *Rollout) comeBack(current *Rollout) {
	if r.Canary != nil {
		canary := *r.Canary
		if canary.Since = current.Number + 1; current.Canary != nil && current.Canary.Ruleset == canary.Ruleset {
			canary.Since = current.Canary.Since
		}
		r.Canary = &canary
	}
	if r.Shadow != nil {
		shadow := *r.Shadow
		if shadow.Since = current.Number + 1; current.Shadow != nil && current.Shadow.Ruleset == shadow.Ruleset {
			shadow.Since = current.Shadow.Since
		}
		r.Shadow = &shadow
	}
}

// checkSuitsAgain refuses a ruleset that the campaign file has outgrown, as far as this node can tell: it must not keep
// anybody from going back that this node cannot compile it.
func (e *Engine) checkSuitsAgain(ctx context.Context, current *CampaignRecord, number int64) error {
	c, err := e.campaign(ctx, current.Definition.ID)
	if err != nil || number == current.Rollout.Live {
		return nil //nolint:nilerr // see above
	}
	ruleset, err := c.pinned(ctx, number)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	return ruleset.checkSuits(current.Definition)
}

// StopCampaign stops a part of the campaign, or lets it go on, at one instant on every node. It asks no mechanic and waits
// for no node, so that it works when nothing else does.
func (e *Engine) StopCampaign(ctx context.Context, req StopRequest) (*Swapped, error) {
	if !slices.Contains([]Stop{StopNothing, StopReservations, StopMechanics, StopCampaign}, req.Level) {
		return nil, Errorf(CodeInvalid, "the level must be reservations, mechanics, campaign or none, not %q", req.Level)
	}
	if err := checkReason(req.Reason); err != nil {
		return nil, err
	}
	if _, err := e.ownRecord(ctx, req.Campaign, &req.Actor); err != nil {
		return nil, err
	}
	return e.swap(ctx, req.Campaign, &req.Actor, func(current *CampaignRecord) (*swapPlan, error) {
		if current.Rollout.Stop == req.Level {
			return nil, nil //nolint:nilnil // nothing to change
		}
		next := current.Rollout
		next.Stop = req.Level
		return &swapPlan{
			rollout: next, fenced: true, action: ActionStop, reason: req.Reason, undo: current.Rollout.Undo,
		}, nil
	})
}
