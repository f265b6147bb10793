package core

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// maxRepriced is how many of the newest orders a change of prices is measured on.
const maxRepriced = 2000

// needsApproval returns why somebody else has to approve the change, "" if nobody has to.
func (e *Engine) needsApproval(ctx context.Context, current *CampaignRecord, change *Change) (string, error) {
	if !current.Definition.Guards.fourEyes() || change.Mode != ModeLive && change.Mode != ModeCanary {
		return "", nil
	}
	c, err := e.campaign(ctx, current.Definition.ID)
	if err != nil {
		return "", err
	}
	next, err := c.pinned(ctx, change.Ruleset)
	if err != nil && passes(ctx, err) {
		return "", storeError(err)
	}
	if err != nil { // it is forced upon nodes that cannot compile it
		why := fmt.Sprintf("how far prices move could not be measured: ruleset %d does not compile here", change.Ruleset)
		return why, nil //nolint:nilerr // it is the reason
	}
	why, err := e.movesTooFar(ctx, current, pricing{current.Definition, next})
	if err != nil || why != "" {
		return why, err
	}
	return c.measured(ctx, &current.Rollout, change.Ruleset, current.Definition.Guards.MaxMoneyChange)
}

// movesTooFar returns why a second operator has to approve what comes next, "" if none has to.
func (e *Engine) movesTooFar(ctx context.Context, current *CampaignRecord, next pricing) (string, error) {
	c, err := e.campaign(ctx, current.Definition.ID)
	if err != nil {
		return "", err
	}
	live, err := c.pinned(ctx, current.Rollout.Live)
	if err != nil {
		return "", nil //nolint:nilerr // what is live has no price here: everything is better than that
	}
	decisions, err := e.recentFacts(ctx, current.Definition.Key())
	if err != nil {
		return "", err
	}
	guards, now := &current.Definition.Guards, pricing{current.Definition, live}
	if limit := guards.MaxPriceChange; limit > 0 {
		if why := now.beyond(next, decisions, e.now(), limit); why != "" {
			return why, nil
		}
	}
	return now.moves(next, decisions).beyond("the newest orders", guards.MaxMoneyChange), nil
}

// recentFacts returns the facts that the newest orders were decided by.
func (e *Engine) recentFacts(ctx context.Context, of CampaignKey) ([]Facts, error) {
	orders, err := e.store.ListOrders(ctx, of, "", "", maxRepriced)
	if err != nil {
		return nil, storeError(err)
	}
	decisions := make([]Facts, 0, len(orders))
	for _, o := range orders {
		var pinned pinnedQuote
		if err := json.Unmarshal(o.Quote, &pinned); err != nil {
			return nil, storeError(fmt.Errorf("the decision of %s: %w", o.ID, err))
		}
		decisions = append(decisions, pinned.Facts)
	}
	return decisions, nil
}

// ApproveRollout approves the change that waits for it, which then comes into force, or waits for its instant or for holds.
// Nobody approves what they asked for.
func (e *Engine) ApproveRollout(ctx context.Context, req ApprovalRequest) (*Swapped, error) {
	if err := checkReason(req.Reason); err != nil {
		return nil, err
	}
	record, err := e.ownRecord(ctx, req.Campaign, &req.Actor)
	if err != nil {
		return nil, err
	}
	if err := record.Rollout.approvable(&req); err != nil {
		return nil, err
	}
	if err := e.checkChange(ctx, record, &record.Rollout.Pending.Change); err != nil {
		return nil, err
	}
	return e.swap(ctx, req.Campaign, &req.Actor, func(current *CampaignRecord) (*swapPlan, error) {
		if err := current.Rollout.approvable(&req); err != nil {
			return nil, err
		}
		approved := *current.Rollout.Pending
		reason := fmt.Sprintf("%s (asked by %s: %s)", req.Reason, approved.By, approved.Reason)
		approved.ApprovedBy = req.Actor.ID
		if approved.Approval = ""; approved.At > e.now().UnixMilli() || approved.Drain {
			approved.Reason = reason
			return current.waiting(&approved), nil
		}
		return current.changed(&approved.Change, reason)
	})
}

// approvable refuses an approval of what nobody has to approve, or of what its approver has asked for.
func (r *Rollout) approvable(req *ApprovalRequest) error {
	switch {
	case r.Pending == nil || r.Pending.Approval == "":
		return Errorf(CodeWrongState, "no change waits for approval")
	case r.Pending.File != "":
		return Errorf(CodeWrongState, "a campaign file waits: it comes into force when somebody else applies the same file")
	case r.Pending.By == req.Actor.ID:
		return Errorf(CodeApprovalRequired, "you asked for this change: somebody else has to approve it")
	default:
		return r.expects(req.Expect)
	}
}

// approveFile lets a campaign file wait whose prices move too far, or that gives more away than the one in force: it comes
// into force when somebody else applies the same file. A nil error means that it may come into force now.
func (e *Engine) approveFile(ctx context.Context, req *ApplyRequest, current *CampaignRecord, change *CampaignChange) error {
	why, err := e.fileNeedsApproval(ctx, current, change)
	if err != nil || why == "" {
		return err
	}
	file := fileDigest(req.Definition)
	if p := current.Rollout.Pending; p != nil && p.File == file && p.By != req.Actor.ID {
		change.Record.Rollout.Pending = nil
		change.Record.Rollout.Reason = fmt.Sprintf("%s (asked by %s: %s)", req.Reason, p.By, p.Reason)
		return nil
	}
	needed := Errorf(CodeApprovalRequired, "%s: it comes into force when somebody else applies the same file", why)
	if req.DryRun {
		return needed
	}
	_, err = e.swap(ctx, req.Definition.ID, &req.Actor, func(current *CampaignRecord) (*swapPlan, error) {
		if p := current.Rollout.Pending; p != nil && p.File == file {
			return nil, nil //nolint:nilnil // it waits already
		}
		return current.waiting(&Pending{
			File: file, Approval: why, By: req.Actor.ID, Role: req.Actor.Role, Asked: e.now().UnixMilli(), Reason: req.Reason,
		}), nil
	})
	if err != nil {
		return err
	}
	return needed
}

// fileNeedsApproval returns why somebody else has to apply the same file, "" if nobody has to.
func (e *Engine) fileNeedsApproval(ctx context.Context, current *CampaignRecord, change *CampaignChange) (string, error) {
	if current == nil || current.Definition == nil || !current.Definition.Guards.fourEyes() {
		return "", nil
	}
	next := change.Record.Definition
	if why := current.Definition.loosened(next); why != "" {
		return why, nil
	}
	ruleset, err := e.compileNew(ctx, next, &change.Record.Ruleset)
	if err != nil {
		return "", err
	}
	return e.movesTooFar(ctx, current, pricing{next, ruleset})
}

func fileDigest(c *Campaign) string {
	text, _ := json.Marshal(c) // plain data always encodes
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
