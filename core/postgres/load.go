package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"hotdrop/core"
)

// Load answers the query from one snapshot, in one round trip.
func (s *Store) Load(ctx context.Context, q core.Query) (*core.State, error) {
	state := newState(q)
	queries := parts(q, state)
	if len(queries) == 0 {
		return state, ctx.Err()
	}
	if err := s.read(ctx, queries...); err != nil {
		return nil, err
	}
	return state, nil
}

// Due returns placed orders whose hold ended before now.
func (s *Store) Due(ctx context.Context, of core.CampaignKey, now int64, limit int) ([]*core.Order, error) {
	return s.orders(ctx, dueOrders, of.ID, of.Brand, now, limit)
}

// ListOrders returns orders, the newest first.
func (s *Store) ListOrders(ctx context.Context, of core.CampaignKey, state, after string, limit int) ([]*core.Order, error) {
	return s.orders(ctx, listOrders, of.ID, of.Brand, state, after, limit)
}

// orders runs a query for orders.
func (s *Store) orders(ctx context.Context, sql string, arguments ...any) ([]*core.Order, error) {
	var list []*core.Order
	err := s.read(ctx, single(sql, func(row pgx.CollectableRow) error {
		order, err := scanOrder(row)
		list = append(list, order)
		return err
	}, arguments...))
	if err != nil {
		return nil, err
	}
	return list, nil
}

func newState(q core.Query) *core.State {
	return &core.State{
		Counters:  map[string]core.Counter{},
		Shoppers:  make(map[string]*core.ShopperState, len(q.Shoppers)),
		Orders:    make(map[string]*core.Order, len(q.Orders)),
		Documents: make(map[core.DocumentKey]*core.Document, len(q.Documents)),
	}
}

// parts are the queries that fill the state, one for each thing that is asked for.
func parts(q core.Query, state *core.State) []query {
	var list []query
	if q.Counters {
		list = append(list, single(loadCounters, func(row pgx.CollectableRow) error {
			var key string
			var counter core.Counter
			err := row.Scan(&key, &counter.Limit, &counter.Remaining, &state.Epoch, nil)
			state.Counters[key] = counter
			return err
		}, q.Campaign, q.Brand))
	}
	if q.Placed {
		list = append(list, single(loadPlaced, func(row pgx.CollectableRow) error {
			placed := core.Claim{Kind: core.ClaimOrder}
			err := row.Scan(&placed.Shopper, &placed.Owner)
			state.Placed = append(state.Placed, placed)
			return err
		}, q.Campaign, q.Brand))
	}
	if len(q.Orders) > 0 {
		list = append(list, single(loadOrders, func(row pgx.CollectableRow) error {
			order, err := scanOrder(row)
			if err == nil {
				state.Orders[order.ID] = order
			}
			return err
		}, q.Campaign, q.Brand, q.Orders))
	}
	shoppers := unique(q.Shoppers)
	if len(shoppers) > 0 {
		list = append(list, single(loadShoppers, func(row pgx.CollectableRow) error {
			return scanShopper(row, state)
		}, q.Campaign, q.Brand, shoppers))
	}
	if len(shoppers) > 0 && q.Arrivals {
		list = append(list, single(loadArrivals, func(row pgx.CollectableRow) error {
			arrival, err := scanArrival(row)
			if err == nil {
				shopperState(state, arrival.Shopper).Arrival = arrival
			}
			return err
		}, q.Campaign, q.Brand, shoppers))
	}
	return append(list, documentParts(q, shoppers, state)...)
}

// ListArrivals returns arrivals in their order.
func (s *Store) ListArrivals(ctx context.Context, of core.CampaignKey, after int64, limit int) ([]*core.Arrival, error) {
	var list []*core.Arrival
	err := s.read(ctx, single(listArrivals, func(row pgx.CollectableRow) error {
		arrival, err := scanArrival(row)
		list = append(list, arrival)
		return err
	}, of.ID, of.Brand, after, limit))
	if err != nil {
		return nil, err
	}
	return list, nil
}

// scanArrival reads a row of the columns that load_arrivals.sql lists.
func scanArrival(row pgx.CollectableRow) (*core.Arrival, error) {
	var a core.Arrival
	err := row.Scan(&a.Shopper, &a.Turn, &a.Number, &a.At)
	return &a, err
}

// unique returns the list sorted and without repetitions: what is asked for twice would come back twice.
func unique(list []string) []string {
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

// scanShopper reads a row of load_shoppers.sql: a claim, or a reservation when it has no kind.
func scanShopper(row pgx.CollectableRow, state *core.State) error {
	var claim core.Claim
	var at, position int64
	err := row.Scan(&claim.Shopper, (*string)(&claim.Kind), &claim.Key, &claim.Owner, &claim.Fingerprint, &at, &position)
	if err != nil {
		return err
	}
	shopper := shopperState(state, claim.Shopper)
	if claim.Kind == "" {
		shopper.Reservation = &core.Reservation{Shopper: claim.Shopper, At: at, Position: position}
		return nil
	}
	shopper.Claims = append(shopper.Claims, claim)
	return nil
}
