package core

import (
	"context"
	"slices"
)

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
