package core

import (
	"context"
	"slices"
	"strings"
	"time"
)

const (
	// namingPage is how many rows that name a shopper are read at once.
	namingPage = 500
	// ordersAtOnce is how many orders are loaded by one query.
	ordersAtOnce = 500
)

// shopperRows is everything that a campaign keeps about a shopper, as it was read.
type shopperRows struct {
	campaign *campaign
	shopper  string
	known    ShopperState // never has nil for nothing

	orders   []*Order               // the shopper's, sorted by id
	groups   map[string]*gathering  // that these orders are or were in
	draws    map[string]*storedDraw // that the shopper entered
	drawn    map[string]*Document   // the documents of these
	named    []*Order               // of others, whose facts name the shopper as their group's leader
	refusals []*RefusalRecord
	reports  []Report
	tasks    int64 // that are still to be done about these orders, or because of the shopper
}

// isEmpty reports whether the campaign keeps nothing about the shopper.
func (r *shopperRows) isEmpty() bool {
	return r.known.Reservation == nil && r.known.Arrival == nil && len(r.known.Claims)+len(r.known.Documents)+len(r.orders)+
		len(r.named)+len(r.refusals)+len(r.reports) == 0
}

// shopperRows reads what there is. Nothing of it is locked: what changes meanwhile makes the erasure a conflict.
func (c *campaign) shopperRows(ctx context.Context, shopper string) (*shopperRows, error) {
	r := &shopperRows{
		campaign: c, shopper: shopper, groups: map[string]*gathering{}, draws: map[string]*storedDraw{}, drawn: map[string]*Document{},
	}
	state, err := c.query(Query{
		Campaign: c.id, Brand: c.brand, Shoppers: []string{shopper}, Kinds: shopperKinds(), Arrivals: true,
	})
	if err != nil {
		return nil, err
	}
	if known := state.Shoppers[shopper]; known != nil {
		r.known = *known
	}
	for _, load := range []func(context.Context) error{r.loadOrders, r.loadGroups, r.loadDraws, r.loadNamed, r.loadTasks} {
		if err := load(ctx); err != nil {
			return nil, storeError(err)
		}
	}
	return r, nil
}

// loadOrders loads the orders that the shopper's claims are of.
func (r *shopperRows) loadOrders(ctx context.Context) error {
	var ids []string
	for i := range r.known.Claims {
		if claim := &r.known.Claims[i]; CampaignOf(claim.Owner) == r.campaign.id && claim.Kind == ClaimOrder {
			ids = append(ids, claim.Owner)
		}
	}
	slices.Sort(ids)
	for part := range slices.Chunk(slices.Compact(ids), ordersAtOnce) {
		state, err := r.campaign.engine.store.Load(ctx, Query{Campaign: r.campaign.id, Brand: r.campaign.brand, Orders: part})
		if err != nil {
			return err
		}
		for _, id := range part {
			if o := state.Orders[id]; o != nil && o.Shopper == r.shopper {
				r.orders = append(r.orders, o)
			}
		}
	}
	return nil
}

// loadGroups loads the groups that the orders are or were in.
func (r *shopperRows) loadGroups(ctx context.Context) error {
	for _, o := range r.orders {
		id := o.group()
		if id == "" || r.groups[id] != nil {
			continue
		}
		key := DocumentKey{DocumentGroup, id}
		state, err := r.campaign.engine.store.Load(ctx, Query{
			Campaign: r.campaign.id, Brand: r.campaign.brand, Documents: []DocumentKey{key},
		})
		if err != nil {
			return err
		}
		group, err := gather(state.Documents[key])
		if err != nil {
			return err
		}
		if group != nil {
			r.groups[id] = group
		}
	}
	return nil
}

// loadDraws loads the draws that the shopper entered.
func (r *shopperRows) loadDraws(ctx context.Context) error {
	for _, d := range r.known.Documents {
		if d.Kind != DocumentEntry {
			continue
		}
		name, _, _ := strings.Cut(d.ID, "/")
		key := DocumentKey{DocumentDraw, name}
		state, err := r.campaign.engine.store.Load(ctx, Query{
			Campaign: r.campaign.id, Brand: r.campaign.brand, Documents: []DocumentKey{key},
		})
		if err != nil {
			return err
		}
		document := state.Documents[key]
		if document == nil {
			return noDraw(name)
		}
		draw, err := read[Draw](document)
		if err != nil {
			return err
		}
		r.draws[name], r.drawn[name] = &storedDraw{*draw, document.State}, document
	}
	return nil
}

// leads reports whether the shopper leads any of the groups.
func (r *shopperRows) leads() bool {
	for _, g := range r.groups {
		if g.Leader == r.shopper {
			return true
		}
	}
	return false
}

// loadNamed loads the rows of nobody and of others that name the shopper.
func (r *shopperRows) loadNamed(ctx context.Context) error {
	store, of := r.campaign.engine.shoppers, r.campaign.key()
	quoted := string(appendString(nil, r.shopper))
	if r.leads() {
		if err := r.loadLed(ctx, `"leader":`+quoted); err != nil {
			return err
		}
	}
	for after := ""; ; {
		page, err := store.RefusalsNaming(ctx, of, quoted, after, namingPage)
		if err != nil {
			return err
		}
		r.refusals = append(r.refusals, page...)
		if len(page) < namingPage {
			break
		}
		after = page[namingPage-1].ID
	}
	all, err := store.ReportsNaming(ctx, of, strings.Trim(quoted, `"`))
	for i := range all {
		if casesWithout(&all[i], namesShopper(r.shopper)) != nil {
			r.reports = append(r.reports, all[i])
		}
	}
	return err
}

// loadLed loads the orders of others that have the text, which names the shopper as the leader of their group.
func (r *shopperRows) loadLed(ctx context.Context, leader string) error {
	for after := ""; ; {
		page, err := r.campaign.engine.shoppers.OrdersNaming(ctx, r.campaign.key(), leader, after, namingPage)
		if err != nil {
			return err
		}
		for _, o := range page {
			if o.Shopper != r.shopper {
				r.named = append(r.named, o)
			}
		}
		if len(page) < namingPage {
			return nil
		}
		after = page[namingPage-1].ID
	}
}

// loadTasks counts what is still to be done about the shopper: the ids of tasks end with what causes them.
func (r *shopperRows) loadTasks(ctx context.Context) error {
	q := DocumentQuery{Campaign: r.campaign.id, Brand: r.campaign.brand, Kind: DocumentTask, Limit: namingPage}
	for {
		page, err := r.campaign.engine.store.ListDocuments(ctx, q)
		if err != nil {
			return err
		}
		for _, d := range page {
			t, err := read[Task](d)
			if err != nil {
				return err
			}
			own := slices.ContainsFunc(r.orders, func(o *Order) bool { return o.ID == t.Subject })
			if own || strings.HasSuffix(d.ID, "/"+r.shopper) {
				r.tasks++
			}
		}
		if len(page) < namingPage {
			return nil
		}
		q.After = page[namingPage-1].ID
	}
}

// obstacles are what the shopper still takes part in, for people.
func (r *shopperRows) obstacles() []string {
	var found []string
	for _, o := range r.orders {
		switch o.State {
		case OrderPlaced, OrderPaid, OrderShipped:
			found = append(found, "the order "+o.ID+" is "+string(o.State))
		default:
		}
	}
	for id, g := range r.groups {
		switch {
		case g.Settled || g.deserted():
		case g.document.State == GroupOpen:
			found = append(found, "the group "+id+" is under way, until "+time.UnixMilli(g.ClosesAt).UTC().Format(time.RFC3339)+" at the latest")
		case g.document.State == GroupFailed && g.document.Due > 0:
			found = append(found, "the group "+id+" is under way")
		}
	}
	for name, draw := range r.draws {
		if draw.state != DrawDrawn || r.drawn[name].Due > 0 {
			found = append(found, "the draw "+name+" of the campaign "+r.campaign.id+" is under way")
		}
	}
	if r.tasks > 0 {
		found = append(found, "something is still being done in the campaign "+r.campaign.id+", which takes a moment")
	}
	slices.Sort(found)
	return found
}
