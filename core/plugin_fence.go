package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// announce fences the campaigns that bind a plugin which has become approved, has ceased to be, or is so on other terms.
func (r *PluginRegistry) announce(ctx context.Context, before, after *Plugin) error {
	if before.granted().equal(after.granted()) {
		return nil
	}
	return r.fence(ctx, after)
}

// granted is what the plugin is approved for; nil where it is not approved.
func (p *Plugin) granted() *PluginTerms {
	if p.State != PluginApproved {
		return nil
	}
	return p.Terms
}

// fence makes a fenced change of every campaign that decides with the plugin: the same ruleset under the next epoch. The
// plugin's own change is committed before, so whoever compiles the ruleset of that epoch finds the plugin as it is now.
// The campaigns that could be fenced are, whatever happens to others.
func (r *PluginRegistry) fence(ctx context.Context, p *Plugin) error {
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
		if failed := r.fenceCampaign(ctx, version.ID, p); failed != nil {
			err = failed
		}
	}
	return err
}

func (r *PluginRegistry) fenceCampaign(ctx context.Context, id string, p *Plugin) error {
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
		entry := fenceEntry(record, p.Digest, &NotLoadable{Plugin: p}, r.now().UnixMilli())
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
	return &CampaignChange{Record: next, From: record.Revision, Limits: record.Definition.Limits(), Entry: entry}
}

// fenceEntry is the staff log's row of a campaign's fence. Its actor is who decided about the plugin; nobody did when
// vetting found it unfit.
func fenceEntry(record *CampaignRecord, digest string, why *NotLoadable, now int64) StaffEntry {
	entry := StaffEntry{
		At: now, Actor: systemActor, Brand: record.Definition.Brand, Campaign: record.Definition.ID, Action: "campaign.fence",
		Reason: fmt.Sprintf("the plugin %s is %s", digest, why.state()), After: []byte(`{}`),
	}
	p := why.Plugin
	if p == nil {
		return entry
	}
	entry.After = p.forLog()
	if !why.Withheld && (p.State == PluginApproved || p.State == PluginRevoked) {
		entry.Actor = p.DecidedBy
	}
	if p.Reason != "" {
		entry.Reason += ": " + p.Reason
	}
	return entry
}
