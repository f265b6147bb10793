package core

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/bits"
)

// maxRepriced is how many of the newest orders a change of prices is measured on.
const maxRepriced = 2000

// pricing is what an order costs under a campaign file and a ruleset.
type pricing struct {
	def     *Campaign
	ruleset *compiled
}

// priceMove is how far the price of one order moves between two pricings, minor units.
type priceMove struct {
	sku      string
	from, to int64
}

// total returns what an order of these facts costs, minor units; false if it cannot be placed. The facts are the caller's.
func (p pricing) total(facts Facts) (int64, bool) {
	item := p.def.Item(facts.Item.SKU)
	if item == nil {
		return 0, false
	}
	facts.Item.Price, facts.Quota = item.Price, maps.Clone(facts.Quota)
	d, err := p.ruleset.decide(HookQuote, &facts, p.def, -1)
	if err != nil {
		return 0, false
	}
	return d.total, true
}

// beyond returns the first price that moves further than the limit, in basis points of what it was, nil if none does. It
// looks at one unit of each item for somebody of whom nothing is known, and at the given decisions once more. An order that
// only one of the two allows has no price that moves.
func (p pricing) beyond(next pricing, decisions []Facts, limit int64) *priceMove {
	var all []Facts
	for i := range p.def.Items {
		all = append(all, *p.def.plainFacts(&p.def.Items[i]))
	}
	for _, facts := range append(all, decisions...) {
		from, was := p.total(facts)
		to, is := next.total(facts)
		if was && is && movesBeyond(from, to, limit) {
			return &priceMove{facts.Item.SKU, from, to}
		}
	}
	return nil
}

// movesBeyond reports whether to is more than limit basis points of from away from it.
func movesBeyond(from, to, limit int64) bool {
	high, low := bits.Mul64(uint64(max(from, to)-min(from, to)), 10_000) //nolint:gosec // prices are not negative
	mostHigh, mostLow := bits.Mul64(uint64(from), uint64(limit))         //nolint:gosec // neither is
	return cmp.Or(cmp.Compare(high, mostHigh), cmp.Compare(low, mostLow)) > 0
}

// needed says why a second operator has to approve.
func (m *priceMove) needed(limit int64) string {
	return fmt.Sprintf("the price of an order of %s moves from %d to %d, by more than %d.%02d %%",
		m.sku, m.from, m.to, limit/100, limit%100)
}

// needsApproval returns why somebody else has to approve the change, "" if nobody has to.
func (e *Engine) needsApproval(ctx context.Context, current *CampaignRecord, change *Change) (string, error) {
	limit := current.Definition.Guards.MaxPriceChange
	if limit == 0 || change.Mode != ModeLive && change.Mode != ModeCanary {
		return "", nil
	}
	c, err := e.campaign(ctx, current.Definition.ID)
	if err != nil {
		return "", err
	}
	next, err := c.pinned(ctx, change.Ruleset)
	if err != nil {
		return "", nil //nolint:nilerr // it is forced upon nodes that cannot compile it: it has no price here
	}
	return e.movesTooFar(ctx, current, pricing{current.Definition, next}, limit)
}

// movesTooFar returns why a second operator has to approve what comes next, "" if none has to.
func (e *Engine) movesTooFar(ctx context.Context, current *CampaignRecord, next pricing, limit int64) (string, error) {
	c, err := e.campaign(ctx, current.Definition.ID)
	if err != nil {
		return "", err
	}
	live, err := c.pinned(ctx, current.Rollout.Live)
	if err != nil {
		return "", nil //nolint:nilerr // what is live has no price here: everything is better than that
	}
	decisions, err := e.recentFacts(ctx, current.Definition.ID)
	if err != nil {
		return "", err
	}
	if move := (pricing{current.Definition, live}).beyond(next, decisions, limit); move != nil {
		return move.needed(limit), nil
	}
	return "", nil
}

// recentFacts returns the facts that the newest orders were decided by.
func (e *Engine) recentFacts(ctx context.Context, campaign string) ([]Facts, error) {
	orders, err := e.store.ListOrders(ctx, campaign, "", "", maxRepriced)
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

// approveFile lets a campaign file wait whose prices move too far: it comes into force when somebody else applies the same
// file. A nil error means that it may come into force now.
func (e *Engine) approveFile(ctx context.Context, req *ApplyRequest, current *CampaignRecord, change *CampaignChange) error {
	why, err := e.fileNeedsApproval(ctx, current, change)
	if err != nil || why == "" {
		return err
	}
	file := fileDigest(req.Definition)
	if p := current.Rollout.Pending; p != nil && p.File == file && p.By != req.Actor.ID {
		change.Record.Rollout.Pending = nil
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
	if current == nil || current.Definition == nil || current.Definition.Guards.MaxPriceChange == 0 {
		return "", nil
	}
	limit, next := current.Definition.Guards.MaxPriceChange, change.Record.Definition
	if now := next.Guards.MaxPriceChange; now == 0 || now > limit {
		return "the file lets prices move further than the one in force", nil
	}
	ruleset, err := e.compileNew(ctx, next, &change.Record.Ruleset)
	if err != nil {
		return "", err
	}
	return e.movesTooFar(ctx, current, pricing{next, ruleset}, limit)
}

func fileDigest(c *Campaign) string {
	text, _ := json.Marshal(c) // plain data always encodes
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
