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
			all = append(all, core.CampaignVersion{
				ID: r.text(), Brand: r.text(), Epoch: r.integer(), Revision: r.integer(), Rulesets: r.integer(),
			})
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
	record.Revision, record.Epoch, record.Demo, record.Rulesets = r.integer(), r.integer(), r.integer() != 0, r.integer()
	if err := json.Unmarshal([]byte(r.text()), &record.Agreed); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(r.text()), &record.Ruleset); err != nil {
		return nil, err
	}
	return record, json.Unmarshal([]byte(r.text()), &record.Rollout)
}

// Ruleset returns one ruleset of a campaign, or nil when there is none.
func (s *Store) Ruleset(ctx context.Context, of core.CampaignKey, number int64) (*core.Ruleset, error) {
	var ruleset *core.Ruleset
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			return json.Unmarshal([]byte(r.text()), &ruleset)
		}, loadRuleset, of.ID, of.Brand, number)
	})
	if err != nil {
		return nil, fmt.Errorf("ruleset %d of campaign %s: %w", number, of.ID, err)
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
		if err := c.addRollout(change); err != nil {
			return err
		}
		if err := c.saveRuleset(change); err != nil {
			return err
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
	agreed, err := encode(record.Agreed)
	if err != nil {
		return err
	}
	values := []any{
		campaign.ID, campaign.Brand, record.Revision, record.Epoch, record.Ruleset.Number, definition, record.Demo,
		change.Entry.At, max(record.Rulesets, record.Ruleset.Number), agreed,
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

// setCounters gives every counter its new limit and epoch, unless it has both. What is taken stays taken.
func (c *conn) setCounters(change *core.CampaignChange) error {
	campaign := change.Record.Definition
	state := &core.State{Counters: map[string]core.Counter{}}
	if err := c.loadCounters(core.Query{Campaign: campaign.ID, Brand: campaign.Brand}, state); err != nil {
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
		if old, ok := state.Counters[key]; ok && old.Limit == limit && state.Epoch == change.Record.Epoch {
			continue
		}
		_, err := c.exec(setCounter, campaign.ID, key, campaign.Brand, limit, limit-taken, change.Record.Epoch)
		if err != nil {
			return err
		}
	}
	return nil
}

// saveRuleset stores the change's ruleset, if it is new, with what its bindings take from the binary.
func (c *conn) saveRuleset(change *core.CampaignChange) error {
	campaign := change.Record.Definition
	if change.NewRuleset {
		if err := c.insertRuleset(campaign.ID, campaign.Brand, &change.Record.Ruleset); err != nil {
			return err
		}
	}
	return c.insertArtefacts(change.Artefacts)
}

func (c *conn) insertRuleset(campaign, brand string, ruleset *core.Ruleset) error {
	content, err := encode(ruleset)
	if err != nil {
		return err
	}
	_, err = c.exec(insertRuleset, campaign, ruleset.Number, brand, content)
	return err
}

func (c *conn) insertArtefacts(artefacts []*core.Artefact) error {
	for _, a := range artefacts {
		if _, err := c.exec(insertArtefact, a.Digest, a.Kind, a.Bytes); err != nil {
			return err
		}
	}
	return nil
}
