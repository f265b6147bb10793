package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"hotdrop/core"
)

// AddRuleset stores a ruleset that is not to decide yet.
func (s *Store) AddRuleset(ctx context.Context, added *core.AddedRuleset) error {
	return s.write(ctx, func(c *conn) error {
		number := added.Ruleset.Number
		changed, err := c.exec(numberRuleset, added.Campaign, added.Brand, number)
		if err == nil && changed != 1 {
			err = conflict("%d is not the next number of a ruleset of campaign %s", number, added.Campaign)
		}
		if err != nil {
			return err
		}
		if err := c.insertRuleset(added.Campaign, added.Brand, &added.Ruleset); err != nil {
			return err
		}
		if err := c.insertArtefacts(added.Artefacts); err != nil {
			return err
		}
		return c.log(&added.Entry)
	})
}

// Rollouts returns rows of a campaign's history, the newest first.
func (s *Store) Rollouts(ctx context.Context, of core.CampaignKey, below int64, limit int) ([]core.RolloutEntry, error) {
	if below == 0 {
		below = math.MaxInt64
	}
	return s.rollouts(ctx, listRollouts, of, below, int64(limit))
}

// Rollout returns the first row of a campaign's history that has the rollout, or nil when there is none.
func (s *Store) Rollout(ctx context.Context, of core.CampaignKey, number int64) (*core.RolloutEntry, error) {
	found, err := s.rollouts(ctx, loadRollout, of, number)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// rollouts runs a query for rows of the history.
func (s *Store) rollouts(ctx context.Context, query string, of core.CampaignKey, arguments ...any) ([]core.RolloutEntry, error) {
	var list []core.RolloutEntry
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			entry, err := r.rollout()
			list = append(list, entry)
			return err
		}, query, append([]any{of.ID, of.Brand}, arguments...)...)
	})
	if err != nil {
		return nil, fmt.Errorf("rollouts of campaign %s: %w", of.ID, err)
	}
	return list, nil
}

// rollout reads a row of the columns that list_rollouts.sql lists.
func (r *row) rollout() (core.RolloutEntry, error) {
	entry := core.RolloutEntry{
		Campaign: r.text(), Revision: r.integer(), Epoch: r.integer(), At: r.integer(), Orders: r.integer(),
	}
	return entry, json.Unmarshal([]byte(r.text()), &entry.Rollout)
}

// addRollout adds the change to the campaign's history.
func (c *conn) addRollout(change *core.CampaignChange) error {
	record, campaign := &change.Record, change.Record.Definition
	content, err := encode(record.Rollout)
	if err != nil {
		return err
	}
	_, err = c.exec(insertRollout, campaign.ID, record.Revision, campaign.Brand, record.Epoch, record.Rollout.Number,
		change.Entry.At, content)
	return err
}
