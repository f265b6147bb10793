package postgres

import (
	"cmp"
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"hotdrop/core"
)

// DueDocuments returns documents that the engine has to look at.
func (s *Store) DueDocuments(ctx context.Context, of core.CampaignKey, now int64, limit int) ([]*core.Document, error) {
	return s.documents(ctx, dueDocuments, of.ID, of.Brand, now, limit)
}

// ListDocuments answers the query, in the order of the documents' ids or the other way round.
func (s *Store) ListDocuments(ctx context.Context, q core.DocumentQuery) ([]*core.Document, error) {
	from, until := q.Bounds()
	arguments := []any{q.Campaign, q.Brand, string(q.Kind), from, until, q.After, q.Limit}
	all, ofShopper := listDocuments, listShopperDocuments
	if q.Descending {
		all, ofShopper = listDocumentsDescending, listShopperDocumentsDescending
	}
	if q.Shopper == "" {
		return s.documents(ctx, all, arguments...)
	}
	return s.documents(ctx, ofShopper, append(arguments, q.Shopper)...)
}

// documents runs a query for documents.
func (s *Store) documents(ctx context.Context, sql string, arguments ...any) ([]*core.Document, error) {
	var list []*core.Document
	err := s.read(ctx, single(sql, func(row pgx.CollectableRow) error {
		d, err := scanDocument(row)
		list = append(list, d)
		return err
	}, arguments...))
	if err != nil {
		return nil, err
	}
	return list, nil
}

// scanDocument reads a row of the columns that load_documents.sql lists.
func scanDocument(row pgx.CollectableRow) (*core.Document, error) {
	d := &core.Document{}
	err := row.Scan((*string)(&d.Kind), &d.ID, &d.Shopper, &d.State, &d.Due, &d.Revision, (*[]byte)(&d.Content))
	if len(d.Content) == 0 {
		d.Content = nil
	}
	return d, err
}

// documentParts are the queries for the documents that are asked for by key, and for those of the shoppers.
func documentParts(q core.Query, shoppers []string, state *core.State) []query {
	var list []query
	if len(q.Documents) > 0 {
		var c documentColumns
		for _, key := range q.Documents {
			c.addKey(key)
		}
		list = append(list, single(loadDocuments, func(row pgx.CollectableRow) error {
			d, err := scanDocument(row)
			state.Documents[d.Key()] = d
			return err
		}, q.Campaign, q.Brand, c.kinds, c.ids))
	}
	if len(q.Kinds) > 0 && len(shoppers) > 0 {
		var c documentColumns
		for _, kind := range q.Kinds {
			c.addKey(core.DocumentKey{Kind: kind})
		}
		list = append(list, single(loadShopperDocuments, func(row pgx.CollectableRow) error {
			d, err := scanDocument(row)
			shopper := shopperState(state, d.Shopper)
			shopper.Documents = append(shopper.Documents, d)
			return err
		}, q.Campaign, q.Brand, shoppers, c.kinds))
	}
	return list
}

// documentColumns are documents as arrays.
type documentColumns struct {
	kinds, ids, shoppers, states, contents []string
	due, revisions                         []int64
}

func (c *documentColumns) addKey(key core.DocumentKey) {
	c.kinds, c.ids = append(c.kinds, string(key.Kind)), append(c.ids, key.ID)
}

func (c *documentColumns) add(d *core.Document) {
	c.addKey(d.Key())
	c.shoppers, c.states = append(c.shoppers, d.Shopper), append(c.states, d.State)
	c.contents, c.due = append(c.contents, string(d.Content)), append(c.due, d.Due)
	c.revisions = append(c.revisions, d.Revision)
}

func compareDocuments(a, b *core.Document) int {
	return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.ID, b.ID))
}

// queueHold locks the documents that are asked for, in the order of their keys.
func queueHold(b *pgx.Batch, q core.Query) {
	if len(q.Documents) == 0 {
		return
	}
	var c documentColumns
	for _, key := range sorted(q.Documents, compareKeys) {
		c.addKey(key)
	}
	b.Queue(holdDocuments, q.Campaign, q.Brand, c.kinds, c.ids)
}

func compareKeys(a, b core.DocumentKey) int {
	return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.ID, b.ID))
}

// queueDocuments inserts the plan's new documents, then locks, swaps and drops the others.
func queueDocuments(b *pgx.Batch, plan *core.Plan) {
	if len(plan.Documents) == 0 {
		return
	}
	var inserted, locked, swapped, dropped documentColumns
	for _, d := range sorted(plan.Documents, compareDocuments) {
		if d.Revision == 0 && d.State != "" {
			inserted.add(d)
			continue
		}
		locked.add(d)
		if d.State == "" {
			dropped.add(d)
		} else {
			swapped.add(d)
		}
	}
	if c := &inserted; len(c.ids) > 0 {
		b.Queue(insertDocuments, plan.Campaign, plan.Brand, c.kinds, c.ids, c.shoppers, c.states, c.due, c.contents)
	}
	if c := &locked; len(c.ids) > 0 {
		b.Queue(lockDocuments, plan.Campaign, plan.Brand, c.kinds, c.ids, c.revisions, int64(len(c.ids)))
	}
	if c := &swapped; len(c.ids) > 0 {
		b.Queue(swapDocuments, plan.Campaign, plan.Brand, c.kinds, c.ids, c.shoppers, c.states, c.due, c.contents, c.revisions,
			int64(len(c.ids)))
	}
	if c := &dropped; len(c.ids) > 0 {
		b.Queue(dropDocuments, plan.Campaign, plan.Brand, c.kinds, c.ids, c.revisions, int64(len(c.ids)))
	}
}

// queueNewDocuments inserts the documents of a change that are not there yet.
func queueNewDocuments(b *pgx.Batch, change *core.CampaignChange) {
	if len(change.Documents) == 0 {
		return
	}
	var c documentColumns
	for _, d := range sorted(change.Documents, compareDocuments) {
		c.add(d)
	}
	campaign := change.Record.Definition
	b.Queue(ensureDocuments, campaign.ID, campaign.Brand, c.kinds, c.ids, c.shoppers, c.states, c.due, c.contents)
}
