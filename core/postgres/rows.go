package postgres

import (
	"slices"

	"github.com/jackc/pgx/v5"

	"hotdrop/core"
)

// orderColumns are orders as the arrays that insert_orders.sql and move_orders.sql take apart again.
type orderColumns struct {
	ids, shoppers, currencies    []string
	totals                       []int64
	lines, takes, claims, quotes []string
	placedAt, revisions          []int64
	states, takesStates          []string
	holdUntil, updatedAt         []int64
	dues, conditions             []string
	shipments                    []string // of moved orders: a new one has none
}

// add adds an order to be inserted.
func (c *orderColumns) add(o *core.Order) {
	columns := o.Columns()
	c.shoppers, c.currencies = append(c.shoppers, o.Shopper), append(c.currencies, o.Currency)
	c.totals, c.placedAt = append(c.totals, o.Total), append(c.placedAt, o.PlacedAt)
	c.quotes, c.lines = append(c.quotes, string(o.Quote)), append(c.lines, columns.Lines)
	c.takes, c.claims = append(c.takes, columns.Takes), append(c.claims, columns.Claims)
	c.addStanding(o, columns)
}

// addStanding adds what of an order changes.
func (c *orderColumns) addStanding(o *core.Order, columns core.OrderColumns) {
	c.ids, c.revisions = append(c.ids, o.ID), append(c.revisions, o.Revision)
	c.states, c.takesStates = append(c.states, string(o.State)), append(c.takesStates, string(o.TakesState))
	c.holdUntil, c.updatedAt = append(c.holdUntil, o.HoldUntil), append(c.updatedAt, o.UpdatedAt)
	c.dues, c.conditions = append(c.dues, columns.Dues), append(c.conditions, columns.Conditions)
}

// scanOrder reads a row of the columns that load_orders.sql lists.
func scanOrder(row pgx.CollectableRow) (*core.Order, error) {
	o := &core.Order{}
	var columns core.OrderColumns
	if err := row.Scan(
		&o.Campaign, &o.ID, &o.Brand, &o.Shopper, &o.Currency, &o.Total, &columns.Lines, &columns.Takes,
		&columns.Claims, (*[]byte)(&o.Quote),
		&o.PlacedAt, &o.Revision, (*string)(&o.State), (*string)(&o.TakesState), &o.HoldUntil, &o.UpdatedAt,
		&columns.Dues, &columns.Conditions, &columns.Shipment,
	); err != nil {
		return nil, err
	}
	if len(o.Quote) == 0 {
		o.Quote = nil
	}
	err := o.SetColumns(columns)
	return o, err
}

// claimColumns are claims as arrays.
type claimColumns struct {
	shoppers, kinds, keys, owners, fingerprints []string
}

func columnsOf(claims []core.Claim) *claimColumns {
	c := &claimColumns{
		make([]string, len(claims)), make([]string, len(claims)), make([]string, len(claims)), make([]string, len(claims)),
		make([]string, len(claims)),
	}
	for i := range claims {
		claim := &claims[i]
		c.shoppers[i], c.kinds[i], c.keys[i] = claim.Shopper, string(claim.Kind), claim.Key
		c.owners[i], c.fingerprints[i] = claim.Owner, claim.Fingerprint
	}
	return c
}

// transferColumns are transfers as arrays.
type transferColumns struct {
	ids, kinds, from, to, currencies, campaigns, orders, requests []string
	amounts, at                                                   []int64
	settled                                                       []bool
}

func (c *transferColumns) add(t *core.Transfer) {
	c.ids, c.kinds = append(c.ids, t.ID), append(c.kinds, string(t.Kind))
	c.from, c.to, c.currencies = append(c.from, t.From), append(c.to, t.To), append(c.currencies, t.Currency)
	c.campaigns, c.orders = append(c.campaigns, t.Campaign), append(c.orders, t.Order)
	c.requests = append(c.requests, t.Request)
	c.amounts, c.at, c.settled = append(c.amounts, t.Amount), append(c.at, t.At), append(c.settled, t.Settled)
}

func scanTransfer(row pgx.CollectableRow) (t core.Transfer, err error) {
	err = row.Scan(&t.ID, (*string)(&t.Kind), &t.From, &t.To, &t.Currency, &t.Amount, &t.Campaign, &t.Order, &t.At, &t.Settled,
		&t.Request)
	return t, err
}

// sorted returns the list in order, itself if it is already. The order of a statement's rows is the order of its locks.
func sorted[T any](list []T, compare func(a, b T) int) []T {
	if slices.IsSortedFunc(list, compare) {
		return list
	}
	return slices.SortedFunc(slices.Values(list), compare)
}
