package postgres

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"hotdrop/core"
)

// Apply commits the plan in one transaction of one round trip, or of two if staff did it.
func (s *Store) Apply(ctx context.Context, plan *core.Plan) (*core.Applied, error) {
	b := newLogged(plan.Entry)
	applied, err := queue(b, plan)
	if err != nil {
		return nil, err
	}
	if err := s.writeLogged(ctx, b, plan.Entry); err != nil {
		return nil, err
	}
	number(plan, applied)
	return applied, nil
}

// ApplyLocked lets build make the plan from what the query finds, while the campaign's counters are locked, and before
// them, as in every plan, the documents that are asked for.
func (s *Store) ApplyLocked(
	ctx context.Context, q core.Query, build func(*core.State) (*core.Plan, error),
) (*core.Applied, error) {
	q.Counters = true
	var plan *core.Plan
	var applied *core.Applied
	state := newState(q)
	err := s.transact(ctx, func(b *pgx.Batch) {
		queueHold(b, q)
		b.Queue(lockCounters, q.Campaign, q.Brand)
		for _, part := range parts(q, state) {
			part.queue(b)
		}
	}, func(b *pgx.Batch) (commits bool, entry *core.StaffEntry, err error) {
		if plan, err = build(state); err != nil || plan == nil {
			return false, nil, err
		}
		applied, err = queue(b, plan)
		return true, plan.Entry, err
	})
	if err != nil || plan == nil {
		return nil, err
	}
	number(plan, applied)
	return applied, nil
}

// number tells the plan's reservations and arrivals their numbers, now that they are durable.
func number(plan *core.Plan, applied *core.Applied) {
	for i, r := range plan.Reservations {
		r.Position = applied.Reserved + int64(i) + 1
	}
	for i, a := range plan.Arrivals {
		a.Number = applied.Arrived + int64(i) + 1
	}
}

// queue adds the plan's statements to the batch, in the plan's order of locks. What it returns is filled in when the
// batch is answered.
func queue(b *pgx.Batch, plan *core.Plan) (*core.Applied, error) {
	queueMoves(b, plan)
	queueClaims(b, plan)
	queueOrders(b, plan)
	queueDocuments(b, plan)
	applied := &core.Applied{Remaining: make(map[string]int64, len(plan.Counters))}
	for _, delta := range sorted(plan.Counters, compareDeltas) {
		queueTake(b, plan, delta, applied)
	}
	if problem := plan.Uncounted(); problem != "" { // numbers would not be gapless
		return nil, fmt.Errorf("a plan %s", problem)
	}
	queueReservations(b, plan)
	queueArrivals(b, plan)
	return applied, nil
}

func compareMoves(a, b core.Move) int    { return strings.Compare(a.Order.ID, b.Order.ID) }
func compareOrders(a, b *core.Order) int { return strings.Compare(a.ID, b.ID) }
func compareDeltas(a, b core.Delta) int  { return strings.Compare(a.Counter, b.Counter) }

func compareClaims(a, b core.Claim) int {
	return cmp.Or(strings.Compare(a.Shopper, b.Shopper), strings.Compare(string(a.Kind), string(b.Kind)),
		strings.Compare(a.Key, b.Key))
}

// queueMoves changes existing orders and releases their claims.
func queueMoves(b *pgx.Batch, plan *core.Plan) {
	if len(plan.Moves) == 0 {
		return
	}
	var columns orderColumns
	for _, m := range sorted(plan.Moves, compareMoves) {
		standing := m.Order.Columns()
		columns.addStanding(m.Order, standing)
		columns.shipments = append(columns.shipments, standing.Shipment)
	}
	b.Queue(lockOrders, plan.Campaign, plan.Brand, columns.ids)
	b.Queue(moveOrders, plan.Campaign, plan.Brand, columns.ids, columns.revisions, columns.states, columns.takesStates,
		columns.holdUntil, columns.updatedAt, columns.dues, columns.conditions, columns.shipments, int64(len(columns.ids)))
	released := claimsOf(plan, func(m core.Move) bool { return m.Release })
	if len(released) > 0 {
		c := columnsOf(sorted(released, compareClaims))
		b.Queue(releaseClaims, plan.Campaign, plan.Brand, c.shoppers, c.kinds, c.keys, c.owners, int64(len(released)))
	}
}

// claimsOf returns the claims of the moved orders that are chosen.
func claimsOf(plan *core.Plan, chosen func(m core.Move) bool) []core.Claim {
	var claims []core.Claim
	for _, m := range plan.Moves {
		if !chosen(m) {
			continue
		}
		for _, claim := range m.Order.Claims {
			claim.Owner = m.Order.ID
			claims = append(claims, claim)
		}
	}
	return claims
}

// queueClaims inserts the plan's claims and those that its moves take again.
func queueClaims(b *pgx.Batch, plan *core.Plan) {
	claims := plan.Claims
	if reclaimed := claimsOf(plan, func(m core.Move) bool { return m.Reclaim }); len(reclaimed) > 0 {
		claims = append(reclaimed, claims...)
	}
	if len(claims) == 0 {
		return
	}
	c := columnsOf(sorted(claims, compareClaims))
	b.Queue(insertClaims, plan.Campaign, plan.Brand, c.shoppers, c.kinds, c.keys, c.owners, c.fingerprints)
}

func queueOrders(b *pgx.Batch, plan *core.Plan) {
	if len(plan.Orders) == 0 {
		return
	}
	var c orderColumns
	for _, order := range sorted(plan.Orders, compareOrders) {
		c.add(order)
	}
	b.Queue(insertOrders, plan.Campaign, plan.Brand, c.ids, c.shoppers, c.currencies, c.totals,
		c.lines, c.takes, c.claims, c.quotes, c.placedAt,
		c.revisions, c.states, c.takesStates, c.holdUntil, c.updatedAt, c.dues, c.conditions)
}

func queueTake(b *pgx.Batch, plan *core.Plan, delta core.Delta, applied *core.Applied) {
	b.Queue(take, plan.Campaign, plan.Brand, delta.Counter, delta.Units, plan.Epoch).QueryRow(func(row pgx.Row) error {
		var remaining, limit int64
		if err := row.Scan(&remaining, &limit, nil); err != nil {
			return err
		}
		applied.Remaining[delta.Counter] = remaining
		applied.Count(delta, limit, remaining)
		return nil
	})
}

// queueReservations inserts the reservations.
func queueReservations(b *pgx.Batch, plan *core.Plan) {
	count := int64(len(plan.Reservations))
	if count == 0 {
		return
	}
	shoppers, at, places := make([]string, count), make([]int64, count), make([]int64, count)
	for i, r := range plan.Reservations {
		shoppers[i], at[i], places[i] = r.Shopper, r.At, int64(i)+1
	}
	b.Queue(insertReservations, plan.Campaign, plan.Brand, count, shoppers, at, places)
}

// queueArrivals inserts the arrivals.
func queueArrivals(b *pgx.Batch, plan *core.Plan) {
	count := int64(len(plan.Arrivals))
	if count == 0 {
		return
	}
	shoppers, turns, at, places := make([]string, count), make([]int64, count), make([]int64, count), make([]int64, count)
	for i, a := range plan.Arrivals {
		shoppers[i], turns[i], at[i], places[i] = a.Shopper, a.Turn, a.At, int64(i)+1
	}
	b.Queue(insertArrivals, plan.Campaign, plan.Brand, count, shoppers, turns, at, places)
}
