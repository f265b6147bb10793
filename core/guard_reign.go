package core

import (
	"context"
	"time"
)

const (
	// reignPage is how many rows of a campaign's history are read at a time to find out since when its live ruleset decides.
	reignPage = 32
	// comparedFor is how long a ruleset's money per order is compared with that of the one before it. Later than that, what is
	// sold and to whom has changed by itself.
	comparedFor = 15 * time.Minute
)

// reign is since when what decides now does: guards judge by nothing that is older.
type reign struct {
	revision int64 // of the campaign, when this was found out
	rollout  int64 // the number of the rollout that began it
	from     int64 // the first second whose decisions count, Unix seconds
	canary   int64 // the rollout that began the canary; 0 without one
	armed    bool  // see evidence
	spent    bool  // the share of the budget has tripped since: it is not what decides now that has used it up

	at      int64   // when it began, Unix milliseconds
	before  int64   // the ruleset that it is compared with; 0 for none
	against takings // what that one brought in
}

// reignOf reads from the history, the newest row first, since when the live ruleset of the first row decides. enough is
// false if the rows end before that.
func reignOf(rows []RolloutEntry) (r reign, enough bool) {
	for i, row := range rows {
		r.rollout, r.at, r.from, r.before = row.Rollout.Number, row.At, row.At/1000, 0
		r.spent = r.spent || row.Rollout.guardedBy(GuardBudgetShare)
		if i+1 == len(rows) {
			return r, false
		}
		older := &rows[i+1].Rollout
		switch {
		case older.Number == row.Rollout.Number: // the campaign file has changed, or a plugin
			r.from++ // what was decided before has the same rollout
			return r, true
		case older.Live != row.Rollout.Live:
			if row.Rollout.Action == ActionLive || row.Rollout.Action == ActionApply {
				r.before = older.Live
			}
			return r, true
		case older.mechanicsOff():
			return r, true
		}
	}
	return r, false
}

// mechanicsOff reports whether no mechanic is asked for prices.
func (r *Rollout) mechanicsOff() bool { return r.Stop == StopMechanics || r.Stop == StopCampaign }

// reign returns since when what the snapshot says decides. It asks the store once for each revision of the campaign.
func (c *campaign) reign(ctx context.Context, snap *snapshot, w *Window) (*reign, error) {
	known := c.guarding.reign.Load()
	if known != nil && known.revision == snap.record.Revision {
		return known, nil
	}
	next, err := c.findReign(ctx, snap.record)
	if err != nil {
		return nil, err
	}
	next.revision = snap.record.Revision
	if snap.record.Rollout.Canary != nil {
		next.canary = snap.record.Rollout.Canary.Since
	}
	if known != nil && known.rollout == next.rollout && known.from == next.from && known.canary == next.canary {
		next.armed, next.against = known.armed && !next.spent, known.against
	} else if err := c.compareWithBefore(ctx, snap, next, w); err != nil {
		return nil, err
	}
	c.guarding.reign.Store(next)
	return next, nil
}

// compareWithBefore finds out what there was when the reign began.
func (c *campaign) compareWithBefore(ctx context.Context, snap *snapshot, r *reign, w *Window) error {
	if limit := snap.definition().Guards.BudgetShare; limit > 0 && !r.spent {
		if _, err := c.fetch(ctx, "", ""); err != nil { // what this node last saw may be old
			return err
		}
		budget, _ := c.view.left(CounterBudget)
		r.armed = share(budget.Limit-budget.Remaining, budget.Limit) <= limit
	}
	var err error
	r.against, err = c.takingsBefore(ctx, r, w)
	return err
}

// findReign reads the history back to where what decides now began, or as far as it can matter.
func (c *campaign) findReign(ctx context.Context, record *CampaignRecord) (*reign, error) {
	var rows []RolloutEntry
	below, oldest := record.Revision+1, c.engine.now().Add(-comparedFor).UnixMilli()
	for {
		page, err := c.engine.campaigns.Rollouts(ctx, c.key(), below, reignPage)
		if err != nil {
			return nil, storeError(err)
		}
		rows = append(rows, page...)
		found, enough := reignOf(rows)
		if enough || len(page) < reignPage || found.at < oldest {
			return &found, nil
		}
		below = page[len(page)-1].Revision
	}
}

// takingsBefore returns what was live before the reign brought in within the minute before: from what this node has in its
// window, or, if it has not been there for long enough, from what the nodes wrote.
func (c *campaign) takingsBefore(ctx context.Context, r *reign, w *Window) (takings, error) {
	if r.before == 0 {
		return takings{}, nil
	}
	until := r.at / 1000
	from := until - guardMinute
	if c.engine.journal != nil {
		samples, err := c.engine.journal.Samples(ctx, c.key(), from, until+1)
		if err != nil {
			return takings{}, storeError(err)
		}
		if w, err = windowOf(samples); err != nil {
			return takings{}, err
		}
	}
	return w.takings(r.before, r.rollout, from, until), nil
}
