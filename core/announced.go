package core

import (
	"context"
	"log/slog"
)

// Announced returns the campaign store with every change told to the nodes that listen, as soon as it is committed. That it
// cannot be told is no failure of the change: nodes look for changes too.
func Announced(campaigns CampaignStore, nodes NodeStore, log *slog.Logger) CampaignStore {
	if nodes == nil {
		return campaigns
	}
	return &announced{CampaignStore: campaigns, nodes: nodes, log: log}
}

type announced struct {
	CampaignStore

	nodes NodeStore
	log   *slog.Logger
}

// AddRuleset implements [CampaignStore].
func (a *announced) AddRuleset(ctx context.Context, added *AddedRuleset) error {
	err := a.CampaignStore.AddRuleset(ctx, added)
	if err == nil {
		a.tell(ctx, added.Campaign)
	}
	return err
}

// SaveCampaign implements [CampaignStore].
func (a *announced) SaveCampaign(ctx context.Context, change *CampaignChange) error {
	err := a.CampaignStore.SaveCampaign(ctx, change)
	if err == nil {
		a.tell(ctx, change.Record.Definition.ID)
	}
	return err
}

func (a *announced) tell(ctx context.Context, campaign string) {
	if err := a.nodes.Notify(context.WithoutCancel(ctx), campaign); err != nil {
		a.log.Warn("the other nodes were not told of a change; they look for it", "campaign", campaign, "error", err)
	}
}

// save makes the change, and returns when it was committed (Unix milliseconds): the other nodes are told after that.
func (e *Engine) save(ctx context.Context, change *CampaignChange) (at int64, err error) {
	a, tells := e.campaigns.(*announced)
	if !tells {
		err = e.campaigns.SaveCampaign(ctx, change)
		return e.now().UnixMilli(), err //nolint:wrapcheck // the caller does
	}
	err = a.CampaignStore.SaveCampaign(ctx, change)
	at = e.now().UnixMilli()
	if err == nil {
		a.tell(ctx, change.Record.Definition.ID)
	}
	return at, err //nolint:wrapcheck // the caller does
}

// notify tells the other nodes to look at the campaign.
func (e *Engine) notify(ctx context.Context, campaign string) {
	if a, ok := e.campaigns.(*announced); ok {
		a.tell(ctx, campaign)
	}
}
