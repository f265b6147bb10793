package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hotdrop/cmd/hotdrop/campaigns"
	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

// demoCampaign is a campaign that demo mode keeps in one phase.
type demoCampaign struct {
	definition *core.Campaign
	phase      core.Phase
}

// demoCampaigns are the campaign files of the binary.
func demoCampaigns() ([]demoCampaign, error) {
	files, err := campaigns.Files()
	if err != nil {
		return nil, err
	}
	all := make([]demoCampaign, len(files))
	for i, file := range files {
		definition, _, err := campaignfile.Parse(file.Data)
		if err != nil {
			return nil, fileError(file.ID+".yaml", err)
		}
		all[i] = demoCampaign{definition, demoPhase(definition.ID)}
	}
	return all, nil
}

// brandsOf are the brands whose campaigns these are, sorted.
func brandsOf(all []demoCampaign) []string {
	var brands []string
	for _, c := range all {
		brands = append(brands, c.definition.Brand)
	}
	slices.Sort(brands)
	return slices.Compact(brands)
}

// demoPhase is the phase a campaign of the binary shows in demo mode: between them they show all that is to be seen.
func demoPhase(campaign string) core.Phase {
	switch campaign {
	case "car":
		return core.PhaseTeaser
	case "trade-in":
		return core.PhaseReservation
	default:
		return core.PhaseSale
	}
}

// applyDemo applies the campaigns of the binary. One that is stored already keeps its file, stock and orders, and only
// its windows are shifted, when it is no longer in the phase that it is to show; one that staff have taken over is left
// alone.
func applyDemo(ctx context.Context, engine *core.Engine, campaigns []demoCampaign) error {
	for _, c := range campaigns {
		if err := c.apply(ctx, engine, time.Now()); err != nil {
			return fmt.Errorf("demo campaign %s: %w", c.definition.ID, err)
		}
	}
	return nil
}

func (c demoCampaign) apply(ctx context.Context, engine *core.Engine, now time.Time) error {
	definition, revision := shifted(c.definition, c.phase, now), int64(-1)
	stored, err := engine.Record(ctx, c.definition.ID)
	switch {
	case err == nil && !stored.Demo:
		return nil
	case err == nil && stored.Definition.Phases.At(now) == c.phase:
		// Nothing changes, unless this binary's mechanics are newer: then they become the next ruleset.
		definition, revision = stored.Definition, stored.Revision
	case err == nil:
		definition, revision = shifted(stored.Definition, c.phase, now), stored.Revision
	case core.CodeOf(err) != core.CodeNotFound:
		return err
	}
	_, err = engine.ApplyCampaign(ctx, core.ApplyRequest{
		Definition: definition,
		IfMatch:    revision,
		Actor:      core.DemoPrincipal(),
		Reason:     "demo mode shifts the windows around now",
		Demo:       true,
	})
	if core.CodeOf(err) == core.CodePreconditionFailed {
		return nil // another process on this database has just done so
	}
	if _, broken := errors.AsType[*core.Problems](err); broken && stored != nil {
		return nil // what it binds was revoked: it is served as it is, without that mechanic, and the engine has logged why
	}
	return err
}

// shifted returns the campaign with every time moved by the same amount, so that the phase starts in the minute of now. A
// campaign without that phase is returned as it is.
func shifted(c *core.Campaign, phase core.Phase, now time.Time) *core.Campaign {
	start := c.Phases.Start(phase)
	if start.IsZero() {
		return c
	}
	return c.Shifted(now.Truncate(time.Minute).Sub(start))
}
