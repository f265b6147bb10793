package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"hotdrop/core"
)

// Campaigns lists every campaign's version, sorted by id.
func (s *Store) Campaigns(ctx context.Context) ([]core.CampaignVersion, error) {
	var all []core.CampaignVersion
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			all = append(all, core.CampaignVersion{ID: r.text(), Epoch: r.integer(), Revision: r.integer()})
			return nil
		}, listCampaigns)
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Campaign returns one campaign with its live ruleset, or nil when there is none.
func (s *Store) Campaign(ctx context.Context, id string) (*core.CampaignRecord, error) {
	var record *core.CampaignRecord
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) (err error) {
			record, err = r.campaign()
			return err
		}, loadCampaign, id)
	})
	if err != nil {
		return nil, fmt.Errorf("campaign %s: %w", id, err)
	}
	return record, nil
}

func (r *row) campaign() (*core.CampaignRecord, error) {
	record := &core.CampaignRecord{}
	if err := json.Unmarshal([]byte(r.text()), &record.Definition); err != nil {
		return nil, err
	}
	record.Revision, record.Epoch, record.Demo = r.integer(), r.integer(), r.integer() != 0
	return record, json.Unmarshal([]byte(r.text()), &record.Ruleset)
}

// Ruleset returns one ruleset of a campaign, or nil when there is none.
func (s *Store) Ruleset(ctx context.Context, campaign string, number int64) (*core.Ruleset, error) {
	var ruleset *core.Ruleset
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			return json.Unmarshal([]byte(r.text()), &ruleset)
		}, loadRuleset, campaign, number)
	})
	if err != nil {
		return nil, fmt.Errorf("ruleset %d of campaign %s: %w", number, campaign, err)
	}
	return ruleset, nil
}

// Artefact returns the artefact of the digest, or nil when there is none.
func (s *Store) Artefact(ctx context.Context, digest string) (*core.Artefact, error) {
	var artefact *core.Artefact
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			artefact = &core.Artefact{Digest: digest, Kind: r.text(), Bytes: r.blob()}
			return nil
		}, loadArtefact, digest)
	})
	if err != nil {
		return nil, fmt.Errorf("artefact %s: %w", digest, err)
	}
	return artefact, nil
}

// SaveCampaign commits the change in one transaction.
func (s *Store) SaveCampaign(ctx context.Context, change *core.CampaignChange) error {
	return s.write(ctx, func(c *conn) error {
		if err := c.swapCampaign(change); err != nil {
			return err
		}
		if err := c.addDocuments(change); err != nil {
			return err
		}
		if err := c.setCounters(change); err != nil {
			return err
		}
		if err := c.insertRuleset(change); err != nil {
			return err
		}
		for _, a := range change.Artefacts {
			if _, err := c.exec(insertArtefact, a.Digest, a.Kind, a.Bytes); err != nil {
				return err
			}
		}
		return c.log(&change.Entry)
	})
}

// swapCampaign writes the campaign's row, if its revision is still the one that was read.
func (c *conn) swapCampaign(change *core.CampaignChange) error {
	record, campaign := &change.Record, change.Record.Definition
	definition, err := encode(campaign)
	if err != nil {
		return err
	}
	values := []any{
		campaign.ID, campaign.Brand, record.Revision, record.Epoch, record.Ruleset.Number, definition, record.Demo,
		change.Entry.At,
	}
	if change.From == 0 {
		_, err = c.exec(insertCampaign, values...)
		return err
	}
	changed, err := c.exec(swapCampaign, append(values, change.From)...)
	if err == nil && changed != 1 {
		err = conflict("the campaign %s is no longer at revision %d", campaign.ID, change.From)
	}
	return err
}

// setCounters gives every counter its new limit and epoch. What is taken stays taken.
func (c *conn) setCounters(change *core.CampaignChange) error {
	campaign := change.Record.Definition
	state := &core.State{Counters: map[string]core.Counter{}}
	if err := c.loadCounters(core.Query{Campaign: campaign.ID}, state); err != nil {
		return err
	}
	keys := slices.AppendSeq(slices.Collect(maps.Keys(change.Limits)), maps.Keys(state.Counters))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		taken := state.Counters[key].Limit - state.Counters[key].Remaining
		limit, named := change.Limits[key]
		if !named {
			limit = taken
		}
		if limit < taken {
			return core.Errorf(core.CodeBelowTaken, "%s cannot be limited to %d: %d are taken", key, limit, taken)
		}
		_, err := c.exec(setCounter, campaign.ID, key, campaign.Brand, limit, limit-taken, change.Record.Epoch)
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) insertRuleset(change *core.CampaignChange) error {
	if !change.NewRuleset {
		return nil
	}
	content, err := encode(change.Record.Ruleset)
	if err != nil {
		return err
	}
	campaign := change.Record.Definition
	_, err = c.exec(insertRuleset, campaign.ID, change.Record.Ruleset.Number, campaign.Brand, content)
	return err
}

func (c *conn) log(e *core.StaffEntry) error {
	_, err := c.exec(insertStaffEntry, e.Brand, e.Campaign, e.At, e.Actor, e.Role, e.Action, e.Reason,
		textOrNull(e.Before), textOrNull(e.After))
	return err
}

func textOrNull(text []byte) any {
	if text == nil {
		return nil
	}
	return string(text)
}
