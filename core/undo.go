package core

import (
	"context"
	"fmt"
)

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
		before, err := e.campaigns.Rollout(ctx, current.Definition.Key(), number)
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
