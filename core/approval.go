package core

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// maxRepriced is how many of the newest orders a change of prices is measured on.
const maxRepriced = 2000

// maxReturning is how many rulesets a campaign file with other list prices is measured by, beside what it makes live.
const maxReturning = maxRulesets

// needsApproval returns why somebody else has to approve the change, "" if nobody has to.
func (e *Engine) needsApproval(ctx context.Context, current *CampaignRecord, change *Change) (string, error) {
	if !current.Definition.Guards.fourEyes() || change.Mode != ModeLive && change.Mode != ModeCanary {
		return "", nil
	}
	c, err := e.campaign(ctx, current.Definition.ID)
	if err != nil {
		return "", err
	}
	next, unknown, err := c.priced(ctx, current.Definition, change.Ruleset)
	if err != nil || unknown != "" { // it is forced upon nodes that cannot compile it
		return unknown, err
	}
	decisions, err := e.recentFacts(ctx, current.Definition.Key())
	if err != nil {
		return "", err
	}
	why, err := e.movesTooFar(ctx, current, current.Rollout.deciders()[0], next, decisions)
	if err != nil || why != "" {
		return why, err
	}
	return c.measured(ctx, &current.Rollout, change.Ruleset, current.Definition.Guards.MaxMoneyChange)
}

// relists reports whether the next campaign file changes the list price of an item that both have.
func (c *Campaign) relists(next *Campaign) bool {
	return slices.ContainsFunc(c.Items, func(item Item) bool {
		after := next.Item(item.SKU)
		return after != nil && after.Price != item.Price
	})
}

// movesBeside returns why somebody else has to approve a campaign file that leaves what is live as it is: it moves the
// prices of a ruleset that decides beside it, or that may decide again without anybody being asked.
func (e *Engine) movesBeside(ctx context.Context, current *CampaignRecord, next *Campaign, decisions []Facts) (string, error) {
	c, err := e.campaign(ctx, current.Definition.ID)
	if err != nil {
		return "", err
	}
	deciders, err := e.mayReturn(ctx, current)
	if err != nil {
		return "", err
	}
	if len(deciders) > maxReturning {
		return fmt.Sprintf("more than %d rulesets may decide again by an undo: too many to measure", maxReturning), nil
	}
	for _, of := range deciders {
		after, unknown, err := c.priced(ctx, next, of.ruleset)
		if err != nil {
			return "", err
		}
		if unknown != "" {
			continue // it has no prices
		}
		if why, err := e.movesTooFar(ctx, current, of, after, decisions); err != nil || why != "" {
			return of.words() + why, err
		}
	}
	return "", nil
}

// words say of which ruleset something is said that decides beside the live one, or may decide again.
func (s decider) words() string {
	if s.ruleset == 0 {
		return "with mechanics off, "
	}
	return fmt.Sprintf("by ruleset %d, which decides for some or may decide again, ", s.ruleset)
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
		plan, err := current.approved(&req, e.now().UnixMilli())
		if err != nil {
			return nil, err
		}
		plan.agreed = true
		return plan, nil
	})
}

// approved is the swap that makes the change that waits for its approval, or lets it wait for what else it waits for.
func (r *CampaignRecord) approved(req *ApprovalRequest, now int64) (*swapPlan, error) {
	approved := *r.Rollout.Pending
	reason := fmt.Sprintf("%s (asked by %s: %s)", req.Reason, approved.By, approved.Reason)
	approved.ApprovedBy = req.Actor.ID
	if approved.Approval = ""; approved.At > now || approved.Drain {
		approved.Reason = reason
		return r.waiting(&approved), nil
	}
	return r.changed(&approved.Change, reason)
}

// approvable refuses an approval of what nobody has to approve, or of what its approver has asked for.
func (r *Rollout) approvable(req *ApprovalRequest) error {
	switch {
	case r.Pending == nil || r.Pending.Approval == "":
		return Errorf(CodeWrongState, "no change waits for approval")
	case r.Pending.File != "":
		return Errorf(CodeWrongState,
			"a campaign file waits, which campaign export --pending prints: it comes into force when somebody else applies the same file")
	case samePerson(r.Pending.By, req.Actor.ID):
		return Errorf(CodeApprovalRequired, "you asked for this change: somebody else has to approve it")
	default:
		return r.expects(req.Expect)
	}
}

// approveFile lets a campaign file wait whose prices move too far, or that gives more away than the one in force: it comes
// into force when somebody else applies the same file. A nil error means that it may come into force now.
func (e *Engine) approveFile(ctx context.Context, req *ApplyRequest, current *CampaignRecord, change *CampaignChange) error {
	if !current.asksTwo() {
		change.Record.agree()
		return nil
	}
	why, err := e.fileNeedsApproval(ctx, req, current, change)
	if err != nil {
		return err
	}
	file, p := fileDigest(req.Definition), current.Rollout.Pending
	waits := p != nil && p.File == file
	switch {
	case why == "":
		if req.timesFree(current) {
			change.Record.Agreed = change.Record.Agreed.timedLike(req.Definition)
		}
		if waits {
			change.Record.Rollout.Pending = nil
		}
		return nil
	case waits && !samePerson(p.By, req.Actor.ID):
		change.approvedBeside(p)
		return nil
	}
	needed := Errorf(CodeApprovalRequired, "%s: it comes into force when somebody else applies the same file", why)
	waiting := &Pending{
		File: file, Definition: req.Definition, Approval: why, By: req.Actor.ID, Role: req.Actor.Role, Asked: e.now().UnixMilli(),
		Reason: change.Record.Rollout.Reason,
	}
	if req.DryRun {
		change.Record.Rollout.Pending = waiting
		return nil
	}
	if err := e.letWait(ctx, req, waiting); err != nil {
		return err
	}
	return needed
}

// approvedBeside makes the change one that two people have agreed to: who applies the file, and who asked for it.
func (c *CampaignChange) approvedBeside(asked *Pending) {
	c.Record.Rollout.Pending = nil
	c.Record.agree()
	c.Entry.Reason = fmt.Sprintf("%s (asked by %s: %s)", c.Record.Rollout.Reason, asked.By, asked.Reason)
	c.Record.Rollout.Reason = c.Entry.Reason
}

// letWait has the file wait for somebody else who applies it.
func (e *Engine) letWait(ctx context.Context, req *ApplyRequest, file *Pending) error {
	_, err := e.swap(ctx, req.Definition.ID, &req.Actor, func(current *CampaignRecord) (*swapPlan, error) {
		if p := current.Rollout.Pending; p != nil && p.File == file.File {
			return nil, nil //nolint:nilnil // it waits already
		}
		return current.waiting(file), nil
	})
	return err
}

// fileNeedsApproval returns why somebody else has to apply the same file, "" if nobody has to.
func (e *Engine) fileNeedsApproval(
	ctx context.Context, req *ApplyRequest, current *CampaignRecord, change *CampaignChange,
) (string, error) {
	next := change.Record.Definition
	if why := current.Definition.loosened(next); why != "" {
		return why, nil
	}
	if why := current.Definition.prolonged(next); why != "" && !req.timesFree(current) {
		return why, nil
	}
	ruleset, _, err := e.compileFile(ctx, current, next, &change.Record.Ruleset)
	if err != nil {
		return "", err
	}
	decisions, err := e.recentFacts(ctx, current.Definition.Key())
	if err != nil {
		return "", err
	}
	why, err := e.movesTooFar(ctx, current, current.Rollout.deciders()[0], pricing{next, ruleset}, decisions)
	if err != nil || why != "" || !current.Definition.relists(next) {
		return why, err
	}
	return e.movesBeside(ctx, current, next, decisions)
}

// IsFile reports whether it is this campaign file that waits.
func (p *Pending) IsFile(c *Campaign) bool { return p != nil && p.File == fileDigest(c) }

// PendingFile returns the campaign file that waits for a second person.
func (r *Rollout) PendingFile() (*Campaign, error) {
	switch {
	case r.Pending == nil || r.Pending.File == "":
		return nil, Errorf(CodeNotFound, "no campaign file waits for a second person")
	case r.Pending.Definition == nil:
		return nil, Errorf(CodeNotFound, "an earlier release had the file wait and kept its digest alone: ask %s for it", r.Pending.By)
	default:
		return r.Pending.Definition, nil
	}
}

func fileDigest(c *Campaign) string {
	text, _ := json.Marshal(c) // plain data always encodes
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
