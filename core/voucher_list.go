package core

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// VoucherView is a voucher as the one who was granted it sees it.
type VoucherView struct {
	Code      string
	Campaign  string
	Pool      string
	Value     int64  // minor units of Currency
	Currency  string // ISO 4217
	State     string // granted, held by an order that is not paid yet, redeemed, expired, or void
	GrantedAt int64  // Unix milliseconds
	ExpiresAt int64  // Unix milliseconds; 0 for never
	Source    string // the order or draw it was granted for
	Order     string // the shopper's own order that it is in, if it is in one
}

// vouchersChunk is how many vouchers are read at a time.
const vouchersChunk = 500

// granted is a voucher as it was read.
type granted struct {
	Voucher

	document *Document
}

// Vouchers returns a page of the vouchers that the shopper was granted in every campaign, sorted by campaign, the newest
// first within one. The cursor is the last code of the previous page, "" for the first page. Nobody else is ever told a
// code.
func (e *Engine) Vouchers(ctx context.Context, shopper, cursor string, limit int) (Page[*VoucherView], error) {
	page := Page[*VoucherView]{Data: []*VoucherView{}}
	from, err := e.startOf(cursor)
	if err != nil {
		return page, err
	}
	for _, id := range e.CampaignIDs() {
		if id < from {
			continue
		}
		c, err := e.campaign(ctx, id)
		if err != nil {
			return page, err
		}
		vouchers, err := c.vouchersIn(ctx, shopper)
		if err != nil {
			return page, err
		}
		if id == from {
			last := slices.IndexFunc(vouchers, func(g *granted) bool { return g.document.ID == cursor })
			if last < 0 {
				return page, foreignCursor()
			}
			vouchers = vouchers[last+1:]
		}
		room := limit - len(page.Data)
		views, err := c.voucherViews(vouchers[:min(len(vouchers), room)])
		if err != nil {
			return page, err
		}
		if page.Data = append(page.Data, views...); len(vouchers) > room {
			page.Next = page.Data[limit-1].Code
			return page, nil
		}
	}
	return page, nil
}

// vouchersIn returns the vouchers that the shopper was granted in the campaign, the newest first. Codes say nothing of
// time, so all of them are read; vouchers are never deleted, so a page goes on where the one before it ended.
func (c *campaign) vouchersIn(ctx context.Context, shopper string) ([]*granted, error) {
	var vouchers []*granted
	q := DocumentQuery{Campaign: c.id, Brand: c.brand, Kind: DocumentVoucher, Shopper: shopper, Limit: vouchersChunk}
	for {
		documents, err := c.engine.store.ListDocuments(ctx, q)
		if err != nil {
			return nil, storeError(err)
		}
		for _, d := range documents {
			v, err := read[Voucher](d)
			if err != nil {
				return nil, storeError(err)
			}
			vouchers = append(vouchers, &granted{*v, d})
		}
		if len(documents) < vouchersChunk {
			break
		}
		q.After = documents[vouchersChunk-1].ID
	}
	slices.SortFunc(vouchers, func(a, b *granted) int {
		return cmp.Or(cmp.Compare(b.GrantedAt, a.GrantedAt), cmp.Compare(a.document.ID, b.document.ID))
	})
	return vouchers, nil
}

// voucherViews returns the vouchers of a campaign with what became of each.
func (c *campaign) voucherViews(vouchers []*granted) ([]*VoucherView, error) {
	if len(vouchers) == 0 {
		return nil, nil
	}
	orders, err := c.redeeming(vouchers)
	if err != nil {
		return nil, err
	}
	views := make([]*VoucherView, 0, len(vouchers))
	for _, v := range vouchers {
		d := v.document
		view := &VoucherView{
			Code: d.ID, Campaign: c.id, Pool: v.Pool, Value: v.Value, Currency: c.snapshot.Load().definition().Currency,
			State: d.State, GrantedAt: v.GrantedAt, ExpiresAt: v.ExpiresAt, Source: v.Source,
		}
		view.settle(&v.Voucher, orders[d.ID], d.Shopper, c.engine.now())
		views = append(views, view)
	}
	return views, nil
}

// settle says what became of the voucher: order is the one that claims it, nil if there is none. Of another shopper's
// order, whom the code was given to, nothing is said but that there is one.
func (view *VoucherView) settle(v *Voucher, order *Order, shopper string, now time.Time) {
	switch {
	case view.State == VoucherVoid:
		return
	case order == nil && v.expired(now):
		view.State = VoucherExpired
	case order == nil:
	case order.State == OrderPlaced:
		view.State = VoucherHeld
	default:
		view.State = VoucherRedeemed
	}
	if order != nil && order.Shopper == shopper {
		view.Order = order.ID
	}
}

// redeeming returns the order that claims each of the vouchers, by code; those that none claims are absent.
func (c *campaign) redeeming(vouchers []*granted) (map[string]*Order, error) {
	scopes := Query{Campaign: c.id, Brand: c.brand}
	for _, v := range vouchers {
		scopes.Shoppers = append(scopes.Shoppers, voucherScope(v.document.ID))
	}
	claimed, err := c.query(scopes)
	if err != nil {
		return nil, err
	}
	owners := map[string]string{}
	for scope, state := range claimed.Shoppers {
		code := strings.TrimPrefix(scope, voucherScope(""))
		if claim := state.claim(ClaimVoucher, code); claim != nil {
			owners[code] = claim.Owner
		}
	}
	return c.ordersOf(owners)
}

// ordersOf replaces the ids of orders by the orders.
func (c *campaign) ordersOf(owners map[string]string) (map[string]*Order, error) {
	q := Query{Campaign: c.id, Brand: c.brand}
	for _, id := range owners {
		q.Orders = append(q.Orders, id)
	}
	state, err := c.query(q)
	if err != nil {
		return nil, err
	}
	orders := make(map[string]*Order, len(owners))
	for code, id := range owners {
		if o := state.Orders[id]; o != nil {
			orders[code] = o
		}
	}
	return orders, nil
}
