package core

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
)

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
			answer.Warnings = slices.Concat(warnings, e.endsBefore(ctx, record.Definition, &added.Ruleset))
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
	added.Entry = req.Actor.entry(now, "ruleset.add", added.Brand, req.Campaign, req.Reason)
	added.Entry.After, _ = json.Marshal(added.Ruleset) // plain data always encodes
	ruleset.ruleset = added.Ruleset
	return added, ruleset, nil
}
