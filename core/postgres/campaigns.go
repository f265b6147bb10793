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
		err := row.Scan(&v.ID, &v.Brand, &v.Epoch, &v.Revision, &v.Rulesets)
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
	var definition, agreed, ruleset, rollout []byte
	if err := row.Scan(
		&definition, &record.Revision, &record.Epoch, &record.Demo, &record.Rulesets, &agreed, &ruleset, &rollout,
	); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(definition, &record.Definition); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(agreed, &record.Agreed); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(ruleset, &record.Ruleset); err != nil {
		return nil, err
	}
	return record, json.Unmarshal(rollout, &record.Rollout)
}

// Ruleset returns one ruleset of a campaign, or nil when there is none.
func (s *Store) Ruleset(ctx context.Context, of core.CampaignKey, number int64) (*core.Ruleset, error) {
	var ruleset *core.Ruleset
	err := s.read(ctx, single(loadRuleset, func(row pgx.CollectableRow) error {
		var content []byte
		if err := row.Scan(&content); err != nil {
			return err
		}
		return json.Unmarshal(content, &ruleset)
	}, of.ID, of.Brand, number))
	if err != nil {
		return nil, fmt.Errorf("ruleset %d of campaign %s: %w", number, of.ID, err)
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
// wait for one another; then its counters are locked in the order of their keys, if the change touches them.
func (s *Store) SaveCampaign(ctx context.Context, change *core.CampaignChange) error {
	swap, err := newSwap(change)
	if err != nil {
		return err
	}
	state := newState(core.Query{})
	fenced := false
	return s.transact(ctx, func(b *pgx.Batch) {
		swap(b)
		queueNewDocuments(b, change) // before the counters, as in a plan
		queueFence(b, change, &fenced)
		counters := core.Query{Campaign: change.Record.Definition.ID, Brand: change.Record.Definition.Brand, Counters: true}
		for _, part := range parts(counters, state) {
			part.queue(b)
		}
	}, func(b *pgx.Batch) (commits bool, entry *core.StaffEntry, err error) {
		if err := queueLimits(b, change, state.Counters, fenced); err != nil {
			return false, nil, err
		}
		if err := queueRollout(b, change); err != nil {
			return false, nil, err
		}
		return true, &change.Entry, queueNewRuleset(b, change)
	})
}

// queueFence locks the campaign's counters, if the change touches any that exist, and then sets fenced.
func queueFence(b *pgx.Batch, change *core.CampaignChange, fenced *bool) {
	keys := slices.Sorted(maps.Keys(change.Limits))
	limits := make([]int64, len(keys))
	for i, key := range keys {
		limits[i] = change.Limits[key]
	}
	b.Queue(fenceCounters, change.Record.Definition.ID, change.Record.Definition.Brand, change.Record.Epoch, keys, limits).
		Exec(func(tag pgconn.CommandTag) error {
			*fenced = tag.RowsAffected() > 0
			return nil
		})
}

// newSwap writes the campaign's row, if its revision is still the one that was read.
func newSwap(change *core.CampaignChange) (func(b *pgx.Batch), error) {
	record, campaign := &change.Record, change.Record.Definition
	definition, err := json.Marshal(campaign)
	if err != nil {
		return nil, err
	}
	agreed, err := json.Marshal(record.Agreed)
	if err != nil {
		return nil, err
	}
	values := []any{
		campaign.ID, campaign.Brand, record.Revision, record.Epoch, record.Ruleset.Number, string(definition), record.Demo,
		change.Entry.At, max(record.Rulesets, record.Ruleset.Number), string(agreed),
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

// queueLimits gives every counter its new limit and epoch. What is taken stays taken. Unless the counters are locked, those
// that exist are what they shall be, and orders go on taking from them.
func queueLimits(b *pgx.Batch, change *core.CampaignChange, counters map[string]core.Counter, locked bool) error {
	campaign := change.Record.Definition
	keys := slices.AppendSeq(slices.Collect(maps.Keys(change.Limits)), maps.Keys(counters))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		counter, exists := counters[key]
		if exists && !locked {
			continue
		}
		taken := counter.Limit - counter.Remaining
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

// queueNewRuleset stores the change's ruleset, if it is new, with what its bindings take from the binary.
func queueNewRuleset(b *pgx.Batch, change *core.CampaignChange) error {
	queueArtefacts(b, change.Artefacts)
	if !change.NewRuleset {
		return nil
	}
	campaign := change.Record.Definition
	return queueRuleset(b, campaign.ID, campaign.Brand, &change.Record.Ruleset)
}

func queueRuleset(b *pgx.Batch, campaign, brand string, ruleset *core.Ruleset) error {
	content, err := json.Marshal(ruleset)
	if err != nil {
		return err
	}
	b.Queue(insertRuleset, campaign, ruleset.Number, brand, string(content))
	return nil
}

func queueArtefacts(b *pgx.Batch, artefacts []*core.Artefact) {
	for _, a := range artefacts {
		b.Queue(insertArtefact, a.Digest, a.Kind, a.Bytes)
	}
}
