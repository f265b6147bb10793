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
		Actor:      core.Principal{ID: "demo", Role: core.RoleAdmin},
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

// shifted returns a copy of the campaign with every time moved by the same amount, so that the phase starts in the
// minute of now. A campaign without that phase is returned as it is.
func shifted(c *core.Campaign, phase core.Phase, now time.Time) *core.Campaign {
	start := phaseStart(c.Phases, phase)
	if start.IsZero() {
		return c
	}
	by := now.Truncate(time.Minute).Sub(start)
	copied := *c
	copied.Phases = shiftPhases(c.Phases, by)
	copied.Items = make([]core.Item, len(c.Items))
	for i, item := range c.Items {
		item.Phases = shiftPhases(item.Phases, by)
		copied.Items[i] = item
	}
	if c.VoucherPools != nil {
		copied.VoucherPools = make(map[string]core.VoucherPool, len(c.VoucherPools))
	}
	for name, pool := range c.VoucherPools {
		pool.Expires = shiftTime(pool.Expires, by)
		copied.VoucherPools[name] = pool
	}
	return &copied
}

func phaseStart(p core.Phases, phase core.Phase) time.Time {
	switch phase {
	case core.PhaseTeaser:
		return p.Teaser
	case core.PhaseReservation:
		return p.Reservation
	case core.PhaseSale:
		return p.Sale
	default:
		return p.Closed
	}
}

func shiftPhases(p core.Phases, by time.Duration) core.Phases {
	return core.Phases{
		Teaser:      shiftTime(p.Teaser, by),
		Reservation: shiftTime(p.Reservation, by),
		Sale:        shiftTime(p.Sale, by),
		Closed:      shiftTime(p.Closed, by),
	}
}

// shiftTime leaves the zero time alone: it means that there is no such phase.
func shiftTime(t time.Time, by time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(by)
}
