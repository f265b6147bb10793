package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"hotdrop/core"
)

// AddRuleset stores a ruleset that is not to decide yet, in two round trips.
func (s *Store) AddRuleset(ctx context.Context, added *core.AddedRuleset) error {
	b := newLogged(&added.Entry)
	b.Queue(numberRuleset, added.Campaign, added.Brand, added.Ruleset.Number)
	if err := queueRuleset(b, added.Campaign, added.Brand, &added.Ruleset); err != nil {
		return err
	}
	queueArtefacts(b, added.Artefacts)
	return s.writeLogged(ctx, b, &added.Entry)
}

// Rollouts returns rows of a campaign's history, the newest first.
func (s *Store) Rollouts(ctx context.Context, of core.CampaignKey, below int64, limit int) ([]core.RolloutEntry, error) {
	if below == 0 {
		below = math.MaxInt64
	}
	return s.rollouts(ctx, listRollouts, of, below, limit)
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
func (s *Store) rollouts(ctx context.Context, sql string, of core.CampaignKey, arguments ...any) ([]core.RolloutEntry, error) {
	var list []core.RolloutEntry
	err := s.read(ctx, single(sql, func(row pgx.CollectableRow) error {
		entry, err := scanRollout(row)
		list = append(list, entry)
		return err
	}, append([]any{of.ID, of.Brand}, arguments...)...))
	if err != nil {
		return nil, fmt.Errorf("rollouts of campaign %s: %w", of.ID, err)
	}
	return list, nil
}

// scanRollout reads a row of the columns that list_rollouts.sql lists.
func scanRollout(row pgx.CollectableRow) (entry core.RolloutEntry, err error) {
	var content []byte
	if err := row.Scan(&entry.Campaign, &entry.Revision, &entry.Epoch, &entry.At, &entry.Orders, &content); err != nil {
		return entry, err
	}
	return entry, json.Unmarshal(content, &entry.Rollout)
}

// queueRollout adds the change to the campaign's history.
func queueRollout(b *pgx.Batch, change *core.CampaignChange) error {
	record, campaign := &change.Record, change.Record.Definition
	content, err := json.Marshal(record.Rollout)
	if err != nil {
		return err
	}
	b.Queue(insertRollout, campaign.ID, record.Revision, campaign.Brand, record.Epoch, record.Rollout.Number,
		change.Entry.At, string(content))
	return nil
}
