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
func (s *Store) Due(ctx context.Context, campaign string, now int64, limit int) ([]*core.Order, error) {
	var due []*core.Order
	err := s.read(ctx, single(dueOrders, func(row pgx.CollectableRow) error {
		order, err := scanOrder(row)
		due = append(due, order)
		return err
	}, campaign, now, limit))
	if err != nil {
		return nil, err
	}
	return due, nil
}

func newState(q core.Query) *core.State {
	return &core.State{
		Counters: map[string]core.Counter{},
		Shoppers: make(map[string]*core.ShopperState, len(q.Shoppers)),
		Orders:   make(map[string]*core.Order, len(q.Orders)),
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
		}, q.Campaign))
	}
	if q.Placed {
		list = append(list, single(loadPlaced, func(row pgx.CollectableRow) error {
			placed := core.Claim{Kind: core.ClaimOrder}
			err := row.Scan(&placed.Shopper, &placed.Owner)
			state.Placed = append(state.Placed, placed)
			return err
		}, q.Campaign))
	}
	if len(q.Orders) > 0 {
		list = append(list, single(loadOrders, func(row pgx.CollectableRow) error {
			order, err := scanOrder(row)
			if err == nil {
				state.Orders[order.ID] = order
			}
			return err
		}, q.Campaign, q.Orders))
	}
	if len(q.Shoppers) > 0 {
		list = append(list, single(loadShoppers, func(row pgx.CollectableRow) error {
			return scanShopper(row, state)
		}, q.Campaign, slices.Compact(slices.Sorted(slices.Values(q.Shoppers))))) // twice the same would come back twice
	}
	return list
}

// scanShopper reads a row of load_shoppers.sql: a claim, or a reservation when it has no kind.
func scanShopper(row pgx.CollectableRow, state *core.State) error {
	var claim core.Claim
	var at, position int64
	err := row.Scan(&claim.Shopper, (*string)(&claim.Kind), &claim.Key, &claim.Owner, &claim.Fingerprint, &at, &position)
	if err != nil {
		return err
	}
	shopper := state.Shoppers[claim.Shopper]
	if shopper == nil {
		shopper = &core.ShopperState{}
		state.Shoppers[claim.Shopper] = shopper
	}
	if claim.Kind == "" {
		shopper.Reservation = &core.Reservation{Shopper: claim.Shopper, At: at, Position: position}
		return nil
	}
	shopper.Claims = append(shopper.Claims, claim)
	return nil
}
