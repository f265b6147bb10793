package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"hotdrop/core"
)

// Campaigns lists every campaign's version, sorted by id.
func (s *Store) Campaigns(ctx context.Context) ([]core.CampaignVersion, error) {
	var all []core.CampaignVersion
	err := s.read(ctx, single(listCampaigns, func(row pgx.CollectableRow) error {
		var v core.CampaignVersion
		err := row.Scan(&v.ID, &v.Epoch, &v.Revision)
		all = append(all, v)
		return err
	}))
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Campaign returns one campaign with its live ruleset, or nil when there is none.
func (s *Store) Campaign(ctx context.Context, id string) (*core.CampaignRecord, error) {
	var record *core.CampaignRecord
	err := s.read(ctx, single(loadCampaign, func(row pgx.CollectableRow) (err error) {
		record, err = scanCampaign(row)
		return err
	}, id))
	if err != nil {
		return nil, fmt.Errorf("campaign %s: %w", id, err)
	}
	return record, nil
}

func scanCampaign(row pgx.CollectableRow) (*core.CampaignRecord, error) {
	record := &core.CampaignRecord{}
	var definition, ruleset []byte
	if err := row.Scan(&definition, &record.Revision, &record.Epoch, &record.Demo, &ruleset); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(definition, &record.Definition); err != nil {
		return nil, err
	}
	return record, json.Unmarshal(ruleset, &record.Ruleset)
}

// Ruleset returns one ruleset of a campaign, or nil when there is none.
func (s *Store) Ruleset(ctx context.Context, campaign string, number int64) (*core.Ruleset, error) {
	var ruleset *core.Ruleset
	err := s.read(ctx, single(loadRuleset, func(row pgx.CollectableRow) error {
		var content []byte
		if err := row.Scan(&content); err != nil {
			return err
		}
		return json.Unmarshal(content, &ruleset)
	}, campaign, number))
	if err != nil {
		return nil, fmt.Errorf("ruleset %d of campaign %s: %w", number, campaign, err)
	}
	return ruleset, nil
}

// Artefact returns the artefact of the digest, or nil when there is none.
func (s *Store) Artefact(ctx context.Context, digest string) (*core.Artefact, error) {
	var artefact *core.Artefact
	err := s.read(ctx, single(loadArtefact, func(row pgx.CollectableRow) error {
		artefact = &core.Artefact{Digest: digest}
		return row.Scan(&artefact.Kind, &artefact.Bytes)
	}, digest))
	if err != nil {
		return nil, fmt.Errorf("artefact %s: %w", digest, err)
	}
	return artefact, nil
}

// SaveCampaign commits the change in one transaction. The campaign's own row, which nothing else locks, makes changes
// wait for one another; then its counters are locked in the order of their keys.
func (s *Store) SaveCampaign(ctx context.Context, change *core.CampaignChange) error {
	swap, err := newSwap(change)
	if err != nil {
		return err
	}
	campaign := change.Record.Definition.ID
	state := newState(core.Query{})
	return s.transact(ctx, func(b *pgx.Batch) {
		swap(b)
		queueNewDocuments(b, change) // before the counters, as in a plan
		b.Queue(lockCounters, campaign)
		for _, part := range parts(core.Query{Campaign: campaign, Counters: true}, state) {
			part.queue(b)
		}
	}, func(b *pgx.Batch) (commits bool, err error) {
		if err := queueLimits(b, change, state.Counters); err != nil {
			return false, err
		}
		queueEntry(b, &change.Entry)
		for _, a := range change.Artefacts {
			b.Queue(insertArtefact, a.Digest, a.Kind, a.Bytes)
		}
		return true, queueRuleset(b, change)
	})
}

// newSwap writes the campaign's row, if its revision is still the one that was read.
func newSwap(change *core.CampaignChange) (func(b *pgx.Batch), error) {
	record, campaign := &change.Record, change.Record.Definition
	definition, err := json.Marshal(campaign)
	if err != nil {
		return nil, err
	}
	values := []any{
		campaign.ID, campaign.Brand, record.Revision, record.Epoch, record.Ruleset.Number, string(definition), record.Demo,
		change.Entry.At,
	}
	return func(b *pgx.Batch) {
		if change.From == 0 {
			b.Queue(insertCampaign, values...)
			return
		}
		b.Queue(swapCampaign, append(values, change.From)...).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() != 1 {
				return conflict("the campaign %s is no longer at revision %d", campaign.ID, change.From)
			}
			return nil
		})
	}, nil
}

// queueLimits gives every counter its new limit and epoch. What is taken stays taken.
func queueLimits(b *pgx.Batch, change *core.CampaignChange, counters map[string]core.Counter) error {
	campaign := change.Record.Definition
	keys := slices.AppendSeq(slices.Collect(maps.Keys(change.Limits)), maps.Keys(counters))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		taken := counters[key].Limit - counters[key].Remaining
		limit, named := change.Limits[key]
		if !named {
			limit = taken
		}
		if limit < taken {
			return core.Errorf(core.CodeBelowTaken, "%s cannot be limited to %d: %d are taken", key, limit, taken)
		}
		b.Queue(setCounter, campaign.ID, key, campaign.Brand, limit, limit-taken, change.Record.Epoch)
	}
	return nil
}

func queueRuleset(b *pgx.Batch, change *core.CampaignChange) error {
	if !change.NewRuleset {
		return nil
	}
	content, err := json.Marshal(change.Record.Ruleset)
	if err != nil {
		return err
	}
	campaign := change.Record.Definition
	b.Queue(insertRuleset, campaign.ID, change.Record.Ruleset.Number, campaign.Brand, string(content))
	return nil
}

func queueEntry(b *pgx.Batch, e *core.StaffEntry) {
	b.Queue(insertStaffEntry, e.Brand, e.Campaign, e.At, e.Actor, e.Role, e.Action, e.Reason,
		textOrNull(e.Before), textOrNull(e.After))
}

func textOrNull(text []byte) *string {
	if text == nil {
		return nil
	}
	s := string(text)
	return &s
}
