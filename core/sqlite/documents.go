package sqlite

import (
	"context"
	"encoding/json"

	"hotdrop/core"
)

// DueDocuments returns documents that the engine has to look at.
func (s *Store) DueDocuments(ctx context.Context, of core.CampaignKey, now int64, limit int) ([]*core.Document, error) {
	return s.documents(ctx, dueDocuments, of.ID, of.Brand, now, int64(limit))
}

// ListDocuments answers the query, in the order of the documents' ids or the other way round.
func (s *Store) ListDocuments(ctx context.Context, q core.DocumentQuery) ([]*core.Document, error) {
	from, until := q.Bounds()
	arguments := []any{q.Campaign, q.Brand, string(q.Kind), from, before(until), q.After, int64(q.Limit)}
	all, ofShopper := listDocuments, listShopperDocuments
	if q.Descending {
		all, ofShopper = listDocumentsDescending, listShopperDocumentsDescending
	}
	if q.Shopper == "" {
		return s.documents(ctx, all, arguments...)
	}
	return s.documents(ctx, ofShopper, append(arguments, q.Shopper)...)
}

// before is what texts are compared with to be before the bound: every text is before a blob.
func before(bound string) any {
	if bound == "" {
		return []byte{}
	}
	return bound
}

// documents runs a query for documents.
func (s *Store) documents(ctx context.Context, query string, arguments ...any) ([]*core.Document, error) {
	var list []*core.Document
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, r.document())
			return nil
		}, query, arguments...)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// document reads a row of the columns that load_documents.sql lists.
func (r *row) document() *core.Document {
	d := &core.Document{
		Kind: core.DocumentKind(r.text()), ID: r.text(), Shopper: r.text(), State: r.text(),
		Due: r.integer(), Revision: r.integer(),
	}
	if content := r.text(); content != "" {
		d.Content = json.RawMessage(content)
	}
	return d
}

// loadDocuments loads the documents that are asked for by key.
func (c *conn) loadDocuments(q core.Query, state *core.State) error {
	if len(q.Documents) == 0 {
		return nil
	}
	pairs := make([][2]string, len(q.Documents))
	for i, key := range q.Documents {
		pairs[i] = [2]string{string(key.Kind), key.ID}
	}
	keys, err := encode(pairs)
	if err != nil {
		return err
	}
	return c.query(func(r *row) error {
		d := r.document()
		state.Documents[d.Key()] = d
		return nil
	}, loadDocuments, q.Campaign, q.Brand, keys)
}

// loadShopperDocuments loads the shoppers' documents, from the text that names the shoppers.
func (c *conn) loadShopperDocuments(q core.Query, shoppers string, state *core.State) error {
	if len(q.Kinds) == 0 {
		return nil
	}
	kinds, err := encode(unique(q.Kinds))
	if err != nil {
		return err
	}
	return c.query(func(r *row) error {
		d := r.document()
		shopper := shopperState(state, d.Shopper)
		shopper.Documents = append(shopper.Documents, d)
		return nil
	}, loadShopperDocuments, q.Campaign, q.Brand, shoppers, kinds)
}

// writeDocuments inserts, swaps and drops the plan's documents.
func (c *conn) writeDocuments(plan *core.Plan) error {
	rows := c.rows(insertDocument)
	for _, d := range plan.Documents {
		if d.Revision != 0 || d.State == "" {
			continue
		}
		if err := rows.add(documentValues(plan.Campaign, plan.Brand, d)...); err != nil {
			return err
		}
	}
	if err := rows.flush(); err != nil {
		return err
	}
	for _, d := range plan.Documents {
		if d.Revision == 0 && d.State != "" {
			continue
		}
		if err := c.swapDocument(plan, d); err != nil {
			return err
		}
	}
	return nil
}

// swapDocument replaces or drops one document, if its revision is still the one that was read.
func (c *conn) swapDocument(plan *core.Plan, d *core.Document) error {
	var changed int64
	var err error
	if d.State == "" {
		changed, err = c.exec(dropDocument, plan.Campaign, plan.Brand, string(d.Kind), d.ID, d.Revision)
	} else {
		changed, err = c.exec(swapDocument, plan.Campaign, plan.Brand, string(d.Kind), d.ID, d.Revision, d.Shopper, d.State, d.Due,
			string(d.Content))
	}
	if err == nil && changed != 1 {
		err = conflict("the %s %s is no longer at revision %d", d.Kind, d.ID, d.Revision)
	}
	return err
}

// addDocuments inserts the documents of a change that are not there yet.
func (c *conn) addDocuments(change *core.CampaignChange) error {
	campaign := change.Record.Definition
	for _, d := range change.Documents {
		if _, err := c.exec(ensureDocument, documentValues(campaign.ID, campaign.Brand, d)...); err != nil {
			return err
		}
	}
	return nil
}

// documentValues are the columns of a document that is new.
func documentValues(campaign, brand string, d *core.Document) []any {
	return []any{campaign, string(d.Kind), d.ID, brand, d.Shopper, d.State, d.Due, int64(1), string(d.Content)}
}
