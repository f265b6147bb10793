package sqlite

import (
	"context"
	"slices"

	"hotdrop/core"
)

// Load answers the query from one snapshot: the parts are read in one transaction.
func (s *Store) Load(ctx context.Context, q core.Query) (*core.State, error) {
	var state *core.State
	err := s.readHot(ctx, func(c *conn) (err error) {
		state, err = c.load(q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return state, nil
}

// Due returns placed orders whose hold ended before now.
func (s *Store) Due(ctx context.Context, campaign string, now int64, limit int) ([]*core.Order, error) {
	var due []*core.Order
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			order, err := r.order()
			due = append(due, order)
			return err
		}, dueOrders, campaign, now, int64(limit))
	})
	if err != nil {
		return nil, err
	}
	return due, nil
}

func (c *conn) load(q core.Query) (*core.State, error) {
	state := &core.State{
		Counters: map[string]core.Counter{},
		Shoppers: make(map[string]*core.ShopperState, len(q.Shoppers)),
		Orders:   make(map[string]*core.Order, len(q.Orders)),
	}
	if q.Counters {
		if err := c.loadCounters(q, state); err != nil {
			return nil, err
		}
	}
	if err := c.loadPlaced(q, state); err != nil {
		return nil, err
	}
	if err := c.loadOrders(q, state); err != nil {
		return nil, err
	}
	return state, c.loadShoppers(q, state)
}

func (c *conn) loadCounters(q core.Query, state *core.State) error {
	return c.query(func(r *row) error {
		state.Counters[r.text()] = core.Counter{Limit: r.integer(), Remaining: r.integer()}
		state.Epoch = r.integer() // the fence keeps it the same on every counter of a campaign
		return nil
	}, loadCounters, q.Campaign)
}

func (c *conn) loadPlaced(q core.Query, state *core.State) error {
	if !q.Placed {
		return nil
	}
	return c.query(func(r *row) error {
		state.Placed = append(state.Placed, core.Claim{Kind: core.ClaimOrder, Shopper: r.text(), Owner: r.text()})
		return nil
	}, loadPlaced, q.Campaign)
}

func (c *conn) loadOrders(q core.Query, state *core.State) error {
	if len(q.Orders) == 0 {
		return nil
	}
	ids, err := encode(q.Orders)
	if err != nil {
		return err
	}
	return c.query(func(r *row) error {
		order, err := r.order()
		if err == nil {
			state.Orders[order.ID] = order
		}
		return err
	}, loadOrders, q.Campaign, ids)
}

func (c *conn) loadShoppers(q core.Query, state *core.State) error {
	if len(q.Shoppers) == 0 {
		return nil
	}
	// Sorted, neighbours share pages; twice the same shopper would come back twice.
	shoppers, err := encode(slices.Compact(slices.Sorted(slices.Values(q.Shoppers))))
	if err != nil {
		return err
	}
	return c.query(func(r *row) error {
		r.shopper(state)
		return nil
	}, loadShoppers, q.Campaign, shoppers)
}

// shopper reads a row of load_shoppers.sql: a claim, or a reservation when it has no kind.
func (r *row) shopper(state *core.State) {
	name, kind := r.text(), core.ClaimKind(r.text())
	shopper := state.Shoppers[name]
	if shopper == nil {
		shopper = &core.ShopperState{}
		state.Shoppers[name] = shopper
	}
	claim := core.Claim{Shopper: name, Kind: kind, Key: r.text(), Owner: r.text(), Fingerprint: r.text()}
	if kind == "" {
		shopper.Reservation = &core.Reservation{Shopper: name, At: r.integer(), Position: r.integer()}
		return
	}
	shopper.Claims = append(shopper.Claims, claim)
}
