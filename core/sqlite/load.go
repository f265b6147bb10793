package sqlite

import (
	"cmp"
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
func (s *Store) Due(ctx context.Context, of core.CampaignKey, now int64, limit int) ([]*core.Order, error) {
	return s.orders(ctx, dueOrders, of.ID, of.Brand, now, int64(limit))
}

// ListOrders returns orders, the newest first.
func (s *Store) ListOrders(ctx context.Context, of core.CampaignKey, state, after string, limit int) ([]*core.Order, error) {
	return s.orders(ctx, listOrders, of.ID, of.Brand, state, before(after), int64(limit))
}

// orders runs a query for orders.
func (s *Store) orders(ctx context.Context, query string, arguments ...any) ([]*core.Order, error) {
	var list []*core.Order
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			order, err := r.order()
			list = append(list, order)
			return err
		}, query, arguments...)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (c *conn) load(q core.Query) (*core.State, error) {
	state := &core.State{
		Counters:  map[string]core.Counter{},
		Shoppers:  make(map[string]*core.ShopperState, len(q.Shoppers)),
		Orders:    make(map[string]*core.Order, len(q.Orders)),
		Documents: make(map[core.DocumentKey]*core.Document, len(q.Documents)),
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
	if err := c.loadDocuments(q, state); err != nil {
		return nil, err
	}
	return state, c.loadShoppers(q, state)
}

// ListArrivals returns arrivals in their order.
func (s *Store) ListArrivals(ctx context.Context, of core.CampaignKey, after int64, limit int) ([]*core.Arrival, error) {
	var list []*core.Arrival
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, r.arrival())
			return nil
		}, listArrivals, of.ID, of.Brand, after, int64(limit))
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// arrival reads a row of the columns that load_arrivals.sql lists.
func (r *row) arrival() *core.Arrival {
	return &core.Arrival{Shopper: r.text(), Turn: r.integer(), Number: r.integer(), At: r.integer()}
}

func (c *conn) loadCounters(q core.Query, state *core.State) error {
	return c.query(func(r *row) error {
		state.Counters[r.text()] = core.Counter{Limit: r.integer(), Remaining: r.integer()}
		state.Epoch = r.integer() // the fence keeps it the same on every counter of a campaign
		return nil
	}, loadCounters, q.Campaign, q.Brand)
}

func (c *conn) loadPlaced(q core.Query, state *core.State) error {
	if !q.Placed {
		return nil
	}
	return c.query(func(r *row) error {
		state.Placed = append(state.Placed, core.Claim{Kind: core.ClaimOrder, Shopper: r.text(), Owner: r.text()})
		return nil
	}, loadPlaced, q.Campaign, q.Brand)
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
	}, loadOrders, q.Campaign, q.Brand, ids)
}

func (c *conn) loadShoppers(q core.Query, state *core.State) error {
	if len(q.Shoppers) == 0 {
		return nil
	}
	shoppers, err := encode(unique(q.Shoppers))
	if err != nil {
		return err
	}
	if err := c.query(func(r *row) error {
		r.shopper(state)
		return nil
	}, loadShoppers, q.Campaign, q.Brand, shoppers); err != nil {
		return err
	}
	if err := c.loadArrivals(q, shoppers, state); err != nil {
		return err
	}
	return c.loadShopperDocuments(q, shoppers, state)
}

// loadArrivals loads each shopper's last arrival.
func (c *conn) loadArrivals(q core.Query, shoppers string, state *core.State) error {
	if !q.Arrivals {
		return nil
	}
	return c.query(func(r *row) error {
		arrival := r.arrival()
		shopperState(state, arrival.Shopper).Arrival = arrival
		return nil
	}, loadArrivals, q.Campaign, q.Brand, shoppers)
}

// unique returns the list sorted and without repetitions: neighbours share pages, and what is asked for twice would come
// back twice.
func unique[T cmp.Ordered](list []T) []T {
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

// shopperState returns what is known of the shopper, to be added to.
func shopperState(state *core.State, name string) *core.ShopperState {
	shopper := state.Shoppers[name]
	if shopper == nil {
		shopper = &core.ShopperState{}
		state.Shoppers[name] = shopper
	}
	return shopper
}

// shopper reads a row of load_shoppers.sql: a claim, or a reservation when it has no kind.
func (r *row) shopper(state *core.State) {
	name, kind := r.text(), core.ClaimKind(r.text())
	shopper := shopperState(state, name)
	claim := core.Claim{Shopper: name, Kind: kind, Key: r.text(), Owner: r.text(), Fingerprint: r.text()}
	if kind == "" {
		shopper.Reservation = &core.Reservation{Shopper: name, At: r.integer(), Position: r.integer()}
		return
	}
	shopper.Claims = append(shopper.Claims, claim)
}
