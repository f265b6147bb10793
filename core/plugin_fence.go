package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// announce fences the campaigns that bind a plugin which has become approved, has ceased to be, or is so for other campaigns.
// Those for which it was approved and stays so decide as before, and are not fenced.
func (r *PluginRegistry) announce(ctx context.Context, before, after *Plugin, by Principal) error {
	if changes := r.changesFor(before, after); changes != nil {
		return r.fence(ctx, after, by, changes)
	}
	return nil
}

// granted is what the plugin is approved for; nil where it is not approved.
func (p *Plugin) granted() *PluginTerms {
	if p.State != PluginApproved {
		return nil
	}
	return p.Terms
}

// fence makes a fenced change of every campaign that is affected and decides with the plugin: the same ruleset under the next epoch. The
// plugin's own change is committed before, so whoever compiles the ruleset of that epoch finds the plugin as it is now.
// The campaigns that could be fenced are, whatever happens to others.
func (r *PluginRegistry) fence(ctx context.Context, p *Plugin, by Principal, affects func(campaign string) bool) error {
	if r.campaigns == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), concludeBound) // also for a client that has left
	defer cancel()
	versions, err := r.campaigns.Campaigns(ctx)
	if err != nil {
		return storeError(err)
	}
	for _, version := range versions {
		if !affects(version.ID) {
			continue
		}
		if failed := r.fenceCampaign(ctx, version.ID, p, by); failed != nil {
			err = failed
		}
	}
	return err
}

func (r *PluginRegistry) fenceCampaign(ctx context.Context, id string, p *Plugin, by Principal) error {
	for range optimisticTries {
		record, err := r.campaigns.Campaign(ctx, id)
		if err != nil {
			return storeError(err)
		}
		if record == nil || record.Definition.Brand != p.Brand {
			return nil
		}
		bound, err := decidesWith(ctx, r.campaigns, record, p.Digest)
		if err != nil || !bound {
			return storeError(err)
		}
		entry := fenceEntry(record, p.Digest, &NotLoadable{Plugin: p}, by, r.now().UnixMilli())
		err = r.campaigns.SaveCampaign(ctx, fenced(record, entry))
		if !errors.Is(err, ErrConflict) {
			return storeError(err)
		}
	}
	return storeError(ErrConflict)
}

// decidesWith reports whether a ruleset that decides, is compared, or is what was last good, binds the plugin.
func decidesWith(ctx context.Context, campaigns CampaignStore, record *CampaignRecord, digest string) (bool, error) {
	for _, number := range record.Rollout.inPlay() {
		ruleset, err := campaigns.Ruleset(ctx, record.Definition.Key(), number)
		if err != nil {
			return false, err
		}
		if ruleset != nil && slices.ContainsFunc(ruleset.Bindings, func(b Binding) bool { return b.Plugin == digest }) {
			return true, nil
		}
	}
	return false, nil
}

// fenced is the change that makes everything undone that was decided and not committed.
func fenced(record *CampaignRecord, entry StaffEntry) *CampaignChange {
	next := *record
	next.Revision, next.Epoch = record.Revision+1, record.Epoch+1
	next.Rollout.Action, next.Rollout.At, next.Rollout.Reason = ActionFence, entry.At, entry.Reason // Guard stays: it still is as it made it
	next.Rollout.By, next.Rollout.Role = entry.Actor, Role(entry.Role)
	return &CampaignChange{Record: next, From: record.Revision, Limits: record.Definition.Limits(), Entry: entry}
}

// fenceEntry is the staff log's row of a campaign's fence, by whoever changed the plugin, or the node that noticed.
func fenceEntry(record *CampaignRecord, digest string, why *NotLoadable, by Principal, now int64) StaffEntry {
	entry := by.entry(now, "campaign.fence", record.Definition.Brand, record.Definition.ID,
		fmt.Sprintf("the plugin %s is %s", digest, why.state()))
	entry.After = []byte(`{}`)
	if p := why.Plugin; p != nil {
		entry.After = p.forLog()
		switch {
		case why.Withheld: // its reason is then that of who approved it
			entry.Reason += ": " + why.words()
		case p.Reason != "":
			entry.Reason += ": " + p.Reason
		}
	}
	return entry
}
