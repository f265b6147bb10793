package core

import (
	"cmp"
	"context"
	"slices"
)

// campaignOf returns the running campaign of an order's id; not_found for an id that embeds none.
func (e *Engine) campaignOf(ctx context.Context, order string) (*campaign, error) {
	id := CampaignOf(order)
	if id == "" {
		return nil, noOrder(order)
	}
	c, err := e.campaign(ctx, id)
	if CodeOf(err) == CodeNotFound {
		return nil, noOrder(order)
	}
	return c, err
}

// paidAt is when the order became paid, Unix milliseconds: when the last of its dues was; 0 while one is open.
func (o *Order) paidAt() int64 {
	var at int64
	for i := range o.Dues {
		if o.Dues[i].State == DueOpen {
			return 0
		}
		at = max(at, o.Dues[i].PaidAt)
	}
	if at == 0 && o.State == OrderPaid {
		return o.UpdatedAt // paid before dues said when
	}
	return at
}

// Order returns the shopper's order; another shopper's is not_found.
func (e *Engine) Order(ctx context.Context, id, shopper string) (*Order, error) {
	c, err := e.campaignOf(ctx, id)
	if err != nil {
		return nil, err
	}
	loaded, err := c.fetch(ctx, "", id)
	if err != nil {
		return nil, err
	}
	if loaded.found == nil || loaded.found.Shopper != shopper {
		return nil, noOrder(id)
	}
	return loaded.found, nil
}

// Orders returns a page of the shopper's orders in every campaign, sorted by campaign, the newest first within one. The
// cursor is the last id of the previous page, "" for the first page.
func (e *Engine) Orders(ctx context.Context, shopper, cursor string, limit int) (Page[*Order], error) {
	page := Page[*Order]{Data: []*Order{}}
	from, err := e.startOf(cursor)
	if err != nil {
		return page, err
	}
	for _, id := range e.CampaignIDs() {
		if id < from {
			continue
		}
		orders, err := e.ordersIn(ctx, id, shopper)
		if err != nil {
			return page, err
		}
		for _, o := range orders {
			if id == from && o.ID >= cursor {
				continue
			}
			if len(page.Data) == limit {
				page.Next = page.Data[limit-1].ID
				return page, nil
			}
			page.Data = append(page.Data, o)
		}
	}
	return page, nil
}

// ordersIn returns the shopper's orders in one campaign, the newest first. Every order is the owner of the claim of the
// request that placed it.
func (e *Engine) ordersIn(ctx context.Context, id, shopper string) ([]*Order, error) {
	c, err := e.campaign(ctx, id)
	if err != nil {
		return nil, err
	}
	loaded, err := c.fetch(ctx, shopper, "")
	if err != nil || loaded.state == nil {
		return nil, err
	}
	q := Query{Campaign: id, Brand: c.brand}
	for _, claim := range loaded.state.Claims {
		if claim.Kind == ClaimOrder {
			q.Orders = append(q.Orders, claim.Owner)
		}
	}
	state, err := c.query(q)
	if err != nil {
		return nil, err
	}
	orders := make([]*Order, 0, len(state.Orders))
	for _, o := range state.Orders {
		orders = append(orders, o)
	}
	slices.SortFunc(orders, func(a, b *Order) int { return cmp.Compare(b.ID, a.ID) })
	return orders, nil
}
