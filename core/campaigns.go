package core

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// Campaigns returns every campaign this node serves as it stands now, sorted by id.
func (e *Engine) Campaigns(ctx context.Context) ([]*CampaignView, error) {
	running := *e.running.Load()
	views := make([]*CampaignView, 0, len(running))
	for _, c := range running {
		v, err := c.look(ctx)
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	slices.SortFunc(views, func(a, b *CampaignView) int {
		return cmp.Compare(a.Record.Definition.ID, b.Record.Definition.ID)
	})
	return views, nil
}

// Campaign returns one campaign as it stands now.
func (e *Engine) Campaign(ctx context.Context, id string) (*CampaignView, error) {
	c, err := e.campaign(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.look(ctx)
}

// look returns the campaign with counters that are fresh.
func (c *campaign) look(ctx context.Context) (*CampaignView, error) {
	if c.view.stale() {
		if _, err := c.fetch(ctx, "", ""); err != nil {
			return nil, err
		}
	}
	snap, now := c.snapshot.Load(), c.engine.now()
	def := snap.definition()
	v := &CampaignView{
		Record: snap.record, Phase: def.Phases.At(now), Now: now, Left: make(map[string]int64, len(def.Items)),
		Quotas: make(map[string]int64, len(def.Quotas)), Pools: make(map[string]int64, len(def.VoucherPools)),
	}
	left := func(counter string) int64 {
		seen, _ := c.view.left(counter)
		return seen.Remaining
	}
	for i := range def.Items {
		v.Left[def.Items[i].SKU] = left(StockCounter(def.Items[i].SKU))
	}
	for name := range def.Quotas {
		v.Quotas[name] = left(QuotaCounter(name))
	}
	for name := range def.VoucherPools {
		v.Pools[name] = left(PoolCounter(name))
	}
	reserved, _ := c.view.left(CounterReservations)
	v.Reserved = reserved.Limit - reserved.Remaining
	return v, nil
}

// Record returns the campaign as it is stored, from the store itself.
func (e *Engine) Record(ctx context.Context, id string) (*CampaignRecord, error) {
	record, err := e.campaigns.Campaign(ctx, id)
	if err != nil {
		return nil, storeError(err)
	}
	if record == nil {
		return nil, Errorf(CodeNotFound, "there is no campaign %q", id)
	}
	return record, nil
}

// Ruleset returns one immutable ruleset of a campaign.
func (e *Engine) Ruleset(ctx context.Context, of CampaignKey, number int64) (*Ruleset, error) {
	ruleset, err := e.campaigns.Ruleset(ctx, of, number)
	if err != nil {
		return nil, storeError(err)
	}
	if ruleset == nil {
		return nil, Errorf(CodeNotFound, "campaign %q has no ruleset %d", of.ID, number)
	}
	return ruleset, nil
}

// ApplyCampaign creates a campaign or replaces its definition through the fenced change: from its commit on, no order is
// decided by what was before. Everything is checked and compiled first; what is wrong comes back as *[Problems] with
// paths into the file, and nothing is changed. A definition that is already in force changes nothing.
func (e *Engine) ApplyCampaign(ctx context.Context, req ApplyRequest) (*CampaignRecord, error) {
	if err := cmp.Or(checkOptionalReason(req.Reason), req.Definition.Validate().Err()); err != nil {
		return nil, err
	}
	for range optimisticTries {
		current, err := e.campaigns.Campaign(ctx, req.Definition.ID)
		if err != nil {
			return nil, storeError(err)
		}
		change, err := e.planChange(ctx, &req, current)
		if err != nil {
			return nil, err
		}
		if change == nil {
			return current, nil
		}
		if err := e.approveFile(ctx, &req, current, change); err != nil {
			return nil, err
		}
		if req.DryRun {
			return &change.Record, e.checkLimits(ctx, change)
		}
		err = e.campaigns.SaveCampaign(ctx, change)
		if err == nil {
			if err := e.followChange(ctx, req.Definition.ID); err != nil {
				e.log.Warn("a change is in force that this node has yet to follow", "campaign", req.Definition.ID, "error", err)
			}
			return &change.Record, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, storeError(err)
		}
	}
	return nil, Errorf(CodePreconditionFailed, "somebody else changes this campaign at the same moment")
}

// followChange lets this node, and the draws and the waiting room of the campaign, follow a change that is in force.
func (e *Engine) followChange(ctx context.Context, id string) error {
	c, err := e.refresh(ctx, id)
	if err != nil {
		return err
	}
	return errors.Join(c.followDraws(ctx), c.followRoom(ctx))
}

// planChange returns the change that the request asks for; nil when the definition is in force already.
func (e *Engine) planChange(ctx context.Context, req *ApplyRequest, current *CampaignRecord) (*CampaignChange, error) {
	if err := req.allowed(current); err != nil {
		return nil, err
	}
	if current == nil {
		current = &CampaignRecord{}
	}
	now, why := e.now().UnixMilli(), req.why(current, e.now())
	next := current.applied(req, now, why)
	ruleset, warnings, err := e.compileFile(ctx, current, req.Definition, &next.Ruleset)
	if err != nil {
		return nil, err
	}
	next.Ruleset.Digests, next.Ruleset.Hooks = ruleset.digests(), append([]Hook{}, ruleset.hooks()...)
	isNew := current.Ruleset.Number == 0 || !sameRuleset(&current.Ruleset, &next.Ruleset)
	if !isNew && current.Demo == req.Demo && sameDefinition(current.Definition, req.Definition) {
		current.Ruleset.Warnings = warnings // the file is in force, without the plugins that it names perhaps
		return nil, nil                     //nolint:nilnil // nothing to change
	}
	if err := req.checkWhy(current, e.now()); err != nil {
		return nil, err
	}
	if err := e.checkDraws(ctx, current.Definition, req.Definition, req.timesFree(current)); err != nil {
		return nil, err
	}
	artefacts, err := e.artefacts(ctx, ruleset)
	if err != nil {
		return nil, err
	}
	if err := e.settleRuleset(ctx, &next, current, isNew); err != nil {
		return nil, err
	}
	next.Ruleset.Warnings = warnings
	return &CampaignChange{
		Record: next, From: current.Revision, Limits: req.Definition.Limits(), NewRuleset: isNew, Artefacts: artefacts,
		Documents: append(newDraws(current.Definition, req.Definition), newRoom(current.Definition, req.Definition, e.now())...),
		Entry:     req.entry(now, current.Definition, why),
	}, nil
}

// settleRuleset gives the next record's ruleset its place: a new one becomes live, another stays what it is.
func (e *Engine) settleRuleset(ctx context.Context, next, current *CampaignRecord, isNew bool) error {
	if isNew {
		return next.decideBy()
	}
	next.Ruleset = current.Ruleset
	return e.suitsRollout(ctx, next)
}

// applied is the record that follows this one when the file is applied, before its ruleset is held against the live one.
func (r *CampaignRecord) applied(req *ApplyRequest, now int64, why string) CampaignRecord {
	next := CampaignRecord{
		Definition: req.Definition, Revision: r.Revision + 1, Epoch: r.Epoch + 1, Demo: req.Demo,
		Rollout: r.Rollout, Rulesets: r.Rulesets, Agreed: r.agreedFile(),
		Ruleset: Ruleset{
			Number: r.Ruleset.Number, Bindings: req.Definition.Ruleset, Stacking: req.Definition.Stacking,
			Previous: r.Rollout.Live, CreatedAt: now, CreatedBy: req.Actor.ID,
		},
	}
	next.Rollout.Action, next.Rollout.At, next.Rollout.By, next.Rollout.Role = ActionApply, now, req.Actor.ID, req.Actor.Role
	next.Rollout.Reason, next.Rollout.Guard = why, ""
	return next
}

// decideBy gives the record's new ruleset its number and makes it live.
func (r *CampaignRecord) decideBy() error {
	if r.Rollout.Canary != nil {
		return Errorf(CodeWrongState, "ruleset %d is a canary beside the one that this file changes; promote it or abort it first",
			r.Rollout.Canary.Ruleset)
	}
	r.Rulesets++
	r.Ruleset.Number = r.Rulesets
	number := r.Rollout.Number
	r.Rollout.decideBy(r.Ruleset.Number)
	r.Rollout.Number, r.Rollout.Undo, r.Rollout.Offer = number+1, number, 0
	return nil
}

// suitsRollout refuses a campaign file that what is beside the live ruleset does not suit.
func (e *Engine) suitsRollout(ctx context.Context, next *CampaignRecord) error {
	if next.Rollout.Canary == nil {
		return nil
	}
	c, err := e.campaign(ctx, next.Definition.ID)
	if err != nil {
		return err
	}
	ruleset, err := c.pinned(ctx, next.Rollout.Canary.Ruleset)
	if err != nil {
		return storeError(err)
	}
	if err := ruleset.checkSuits(next.Definition); err != nil {
		return Errorf(CodeWrongState, "the canary, ruleset %d, does not suit this file: %v", next.Rollout.Canary.Ruleset, err)
	}
	return nil
}

// compileNew compiles a ruleset that is to come into force, and holds it against the campaign.
func (e *Engine) compileNew(ctx context.Context, def *Campaign, r *Ruleset) (*compiled, error) {
	ruleset, err := compileRuleset(def, r, func(b Binding, _ int) (Mechanic, error) { return e.compiler.Compile(ctx, b) })
	if err != nil {
		return nil, err
	}
	if err := ruleset.checkSuits(def); err != nil {
		return nil, err
	}
	return ruleset, nil
}

// timesFree reports whether the file's times may be any, as they may in a demo.
func (r *ApplyRequest) timesFree(current *CampaignRecord) bool {
	return r.Jump || current.Demo && r.Demo
}

// allowed checks the request's preconditions against what is stored.
func (r *ApplyRequest) allowed(current *CampaignRecord) error {
	switch {
	case r.IfMatch < 0 && current != nil:
		return Errorf(CodePreconditionFailed, "the campaign %q exists", r.Definition.ID)
	case r.IfMatch > 0 && (current == nil || current.Revision != r.IfMatch):
		return Errorf(CodePreconditionFailed, "the campaign %q is not at revision %d; get it again", r.Definition.ID, r.IfMatch)
	case r.Actor.Brand != "" && r.Actor.Brand != r.Definition.Brand:
		return atBrand("the brand of this file is %q, yours is %q", r.Definition.Brand, r.Actor.Brand)
	case current == nil:
		return nil
	case r.Actor.Brand != "" && r.Actor.Brand != current.Definition.Brand:
		return Errorf(CodeNotFound, "there is no campaign %q", r.Definition.ID)
	case current.Definition.Brand != r.Definition.Brand:
		return atBrand("a campaign keeps its brand: it is %q", current.Definition.Brand)
	case current.Definition.Currency != r.Definition.Currency:
		return Errorf(CodeInvalid, "a campaign keeps its currency: it is %q", current.Definition.Currency)
	}
	return nil
}

// atBrand is the problem of a file whose brand cannot be the campaign's; it is shown at its line.
func atBrand(format string, args ...any) error {
	problems := &Problems{}
	problems.Add("brand", format, args...)
	return problems.Err()
}

// entry is the staff log's row of the change.
func (r *ApplyRequest) entry(now int64, before *Campaign, why string) StaffEntry {
	entry := r.Actor.entry(now, "campaign.apply", r.Definition.Brand, r.Definition.ID, why)
	entry.After, _ = json.Marshal(r.Definition) // plain data always encodes
	if before != nil {
		entry.Before, _ = json.Marshal(before)
	}
	return entry
}

// why is the reason that is kept with the change: the one that was given, else what kind of change it is.
func (r *ApplyRequest) why(current *CampaignRecord, now time.Time) string {
	switch {
	case r.Reason != "":
		return r.Reason
	case current.Definition == nil:
		return "the campaign's first file"
	case current.Definition.Phases.At(now) == PhaseClosed:
		return "the file was changed after the campaign had closed"
	default:
		return "the file was changed before the campaign opened"
	}
}

// checkWhy refuses a change without a reason of a campaign that is open to shoppers, before it or by it: they feel it, and may
// ask. A first file, and what is changed while nobody can sign up or buy, may come without.
func (r *ApplyRequest) checkWhy(current *CampaignRecord, now time.Time) error {
	if r.Reason != "" || r.DryRun || current.Definition == nil {
		return nil
	}
	for _, phase := range []Phase{current.Definition.Phases.At(now), r.Definition.Phases.At(now)} {
		if phase == PhaseReservation || phase == PhaseSale {
			return Errorf(CodeReasonRequired, "say why: shoppers notice a change of a campaign in its phase %s, so a reason is kept with it", phase)
		}
	}
	return nil
}

func sameDefinition(a, b *Campaign) bool {
	left, _ := json.Marshal(a) // plain data always encodes
	right, _ := json.Marshal(b)
	return bytes.Equal(left, right)
}

// digests returns the digest of each binding's artefact.
func (r *compiled) digests() []string {
	digests := make([]string, len(r.bindings))
	for i, b := range r.bindings {
		digests[i] = b.mechanic.Manifest().Digest
	}
	return digests
}

// checkLimits tells a dry run what the commit would refuse: a limit below what is taken.
func (e *Engine) checkLimits(ctx context.Context, change *CampaignChange) error {
	state, err := e.store.Load(ctx, Query{Campaign: change.Record.Definition.ID, Brand: change.Record.Definition.Brand, Counters: true})
	if err != nil {
		return storeError(err)
	}
	for key, c := range state.Counters {
		if limit, ok := change.Limits[key]; ok && limit < c.Limit-c.Remaining {
			return BelowTaken(key, limit, c.Limit-c.Remaining)
		}
	}
	return nil
}

// BelowTaken is the refusal of a counter's limit that is lower than what is taken from it.
func BelowTaken(counter string, limit, taken int64) error {
	return Errorf(CodeBelowTaken, "%s cannot be lowered to %d: %d are taken", counter, limit, taken)
}
