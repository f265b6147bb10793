package sqlite

import (
	"context"
	"fmt"

	"hotdrop/core"
)

// Apply commits the plan in one transaction.
func (s *Store) Apply(ctx context.Context, plan *core.Plan) (*core.Applied, error) {
	var applied *core.Applied
	err := s.write(ctx, func(c *conn) (err error) {
		applied, err = c.apply(plan)
		return err
	})
	if err != nil {
		return nil, err
	}
	number(plan, applied)
	return applied, nil
}

// ApplyLocked lets build make the plan from what the query finds, while nobody else can write. The one writer is all the
// lock there is.
func (s *Store) ApplyLocked(
	ctx context.Context, q core.Query, build func(*core.State) (*core.Plan, error),
) (*core.Applied, error) {
	q.Counters = true
	var plan *core.Plan
	var applied *core.Applied
	err := s.write(ctx, func(c *conn) error {
		state, err := c.load(q)
		if err != nil {
			return err
		}
		if plan, err = build(state); err != nil || plan == nil {
			return err
		}
		applied, err = c.apply(plan)
		return err
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

func (c *conn) apply(plan *core.Plan) (*core.Applied, error) {
	if err := c.move(plan); err != nil {
		return nil, err
	}
	if err := c.claim(plan); err != nil {
		return nil, err
	}
	if err := c.place(plan.Orders); err != nil {
		return nil, err
	}
	if err := c.writeBeside(plan); err != nil {
		return nil, err
	}
	applied := &core.Applied{Remaining: make(map[string]int64, len(plan.Counters))}
	for _, delta := range plan.Counters {
		if err := c.take(plan, delta, applied); err != nil {
			return nil, err
		}
	}
	if err := checkNumbered(plan); err != nil {
		return nil, err
	}
	if err := c.reserve(plan, applied.Reserved); err != nil {
		return nil, err
	}
	return applied, c.join(plan, applied.Arrived)
}

// writeBeside writes what stands beside the orders: documents and what staff did.
func (c *conn) writeBeside(plan *core.Plan) error {
	if len(plan.Documents) > 0 {
		if err := c.writeDocuments(plan); err != nil {
			return err
		}
	}
	if plan.Entry == nil {
		return nil
	}
	return c.log(plan.Entry)
}

// move changes the existing orders and releases their claims.
func (c *conn) move(plan *core.Plan) error {
	for _, m := range plan.Moves {
		if err := c.moveOrder(plan, m.Order); err != nil {
			return err
		}
	}
	for _, m := range plan.Moves {
		if !m.Release {
			continue
		}
		if err := c.release(plan, m.Order); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) moveOrder(plan *core.Plan, o *core.Order) error {
	columns := o.Columns()
	changed, err := c.exec(moveOrder, plan.Campaign, plan.Brand, o.ID, o.Revision, string(o.State), string(o.TakesState),
		o.HoldUntil, o.UpdatedAt, columns.Dues, columns.Conditions, columns.Shipment)
	if err == nil && changed != 1 {
		err = conflict("order %s is no longer at revision %d", o.ID, o.Revision)
	}
	return err
}

func (c *conn) release(plan *core.Plan, o *core.Order) error {
	for _, claim := range o.Claims {
		changed, err := c.exec(releaseClaim, plan.Campaign, plan.Brand, claim.Shopper, string(claim.Kind), claim.Key, o.ID)
		if err != nil {
			return err
		}
		if changed != 1 {
			return conflict("order %s does not own the claim %s %s", o.ID, claim.Kind, claim.Key)
		}
	}
	return nil
}

// claim inserts the plan's claims and those that its moves take again.
func (c *conn) claim(plan *core.Plan) error {
	rows := c.rows(insertClaim)
	add := func(claim *core.Claim, owner string) error {
		return rows.add(plan.Campaign, claim.Shopper, string(claim.Kind), claim.Key, plan.Brand, owner, claim.Fingerprint)
	}
	for _, m := range plan.Moves {
		for i := range m.Order.Claims {
			if !m.Reclaim {
				break
			}
			if err := add(&m.Order.Claims[i], m.Order.ID); err != nil {
				return err
			}
		}
	}
	for i := range plan.Claims {
		if err := add(&plan.Claims[i], plan.Claims[i].Owner); err != nil {
			return err
		}
	}
	return rows.flush()
}

// place inserts the plan's orders.
func (c *conn) place(orders []*core.Order) error {
	rows := c.rows(insertOrder)
	for _, o := range orders {
		columns := o.Columns()
		if err := rows.add(o.Campaign, o.ID, o.Brand, o.Shopper, o.Currency, o.Total,
			columns.Lines, columns.Takes, columns.Claims, string(o.Quote), o.PlacedAt,
			o.Revision, string(o.State), string(o.TakesState), o.HoldUntil, o.UpdatedAt, columns.Dues, columns.Conditions,
		); err != nil {
			return err
		}
	}
	return rows.flush()
}

// take moves one counter. Its row must exist; the table's checks refuse another epoch and what does not fit.
func (c *conn) take(plan *core.Plan, delta core.Delta, applied *core.Applied) error {
	found := false
	err := c.query(func(r *row) error {
		remaining, limit := r.integer(), r.integer()
		found = true
		applied.Remaining[delta.Counter] = remaining
		applied.Count(delta, limit, remaining)
		return nil
	}, take, plan.Campaign, plan.Brand, delta.Counter, delta.Units, plan.Epoch)
	if err == nil && !found {
		err = conflict("the campaign %s has no counter %s", plan.Campaign, delta.Counter)
	}
	return err
}

// reserve inserts the reservations with the positions that the counter's move gave them.
func (c *conn) reserve(plan *core.Plan, reserved int64) error {
	rows := c.rows(insertReservation)
	for i, r := range plan.Reservations {
		if err := rows.add(plan.Campaign, r.Shopper, plan.Brand, r.At, reserved+int64(i)+1); err != nil {
			return err
		}
	}
	return rows.flush()
}

// join inserts the arrivals with the numbers that the counter's move gave them.
func (c *conn) join(plan *core.Plan, arrived int64) error {
	rows := c.rows(insertArrival)
	for i, a := range plan.Arrivals {
		if err := rows.add(plan.Campaign, a.Shopper, a.Turn, plan.Brand, arrived+int64(i)+1, a.At); err != nil {
			return err
		}
	}
	return rows.flush()
}

// checkNumbered refuses a plan whose reservations or arrivals are not counted: their numbers would not be gapless.
func checkNumbered(plan *core.Plan) error {
	if problem := plan.Uncounted(); problem != "" {
		return fmt.Errorf("a plan %s", problem)
	}
	return nil
}
