package postgres

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"hotdrop/core"
)

// orderColumns are orders as the arrays that insert_orders.sql and move_orders.sql take apart again. pins never change.
type orderColumns struct {
	ids, shoppers, currencies    []string
	totals                       []int64
	lines, takes, claims, quotes []string
	placedAt, revisions          []int64
	states, takesStates          []string
	holdUntil, updatedAt         []int64
	dues, conditions             []string
}

func (c *orderColumns) addPins(o *core.Order) error {
	c.shoppers, c.currencies = append(c.shoppers, o.Shopper), append(c.currencies, o.Currency)
	c.totals, c.placedAt = append(c.totals, o.Total), append(c.placedAt, o.PlacedAt)
	c.quotes = append(c.quotes, string(o.Quote))
	return errors.Join(appendJSON(&c.lines, o.Lines), appendJSON(&c.takes, o.Takes), appendJSON(&c.claims, o.Claims))
}

func (c *orderColumns) addValues(o *core.Order) error {
	c.ids, c.revisions = append(c.ids, o.ID), append(c.revisions, o.Revision)
	c.states, c.takesStates = append(c.states, string(o.State)), append(c.takesStates, string(o.TakesState))
	c.holdUntil, c.updatedAt = append(c.holdUntil, o.HoldUntil), append(c.updatedAt, o.UpdatedAt)
	return errors.Join(appendJSON(&c.dues, o.Dues), appendJSON(&c.conditions, o.Conditions))
}

func appendJSON(column *[]string, v any) error {
	text, err := json.Marshal(v)
	*column = append(*column, string(text))
	return err
}

// scanOrder reads a row of the columns that load_orders.sql lists.
func scanOrder(row pgx.CollectableRow) (*core.Order, error) {
	o := &core.Order{}
	var lines, takes, claims, dues, conditions []byte
	if err := row.Scan(
		&o.Campaign, &o.ID, &o.Brand, &o.Shopper, &o.Currency, &o.Total, &lines, &takes, &claims, (*[]byte)(&o.Quote),
		&o.PlacedAt, &o.Revision, (*string)(&o.State), (*string)(&o.TakesState), &o.HoldUntil, &o.UpdatedAt, &dues, &conditions,
	); err != nil {
		return nil, err
	}
	if len(o.Quote) == 0 {
		o.Quote = nil
	}
	if err := errors.Join(
		json.Unmarshal(lines, &o.Lines), json.Unmarshal(takes, &o.Takes), json.Unmarshal(claims, &o.Claims),
		json.Unmarshal(dues, &o.Dues), json.Unmarshal(conditions, &o.Conditions),
	); err != nil {
		return nil, fmt.Errorf("order %s: %w", o.ID, err)
	}
	for i := range o.Claims { // the row implies whose they are
		o.Claims[i].Shopper, o.Claims[i].Owner = o.Shopper, o.ID
	}
	return o, nil
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
	ids, kinds, from, to, currencies, campaigns, orders []string
	amounts, at                                         []int64
	settled                                             []bool
}

func (c *transferColumns) add(t *core.Transfer) {
	c.ids, c.kinds = append(c.ids, t.ID), append(c.kinds, string(t.Kind))
	c.from, c.to, c.currencies = append(c.from, t.From), append(c.to, t.To), append(c.currencies, t.Currency)
	c.campaigns, c.orders = append(c.campaigns, t.Campaign), append(c.orders, t.Order)
	c.amounts, c.at, c.settled = append(c.amounts, t.Amount), append(c.at, t.At), append(c.settled, t.Settled)
}

func scanTransfer(row pgx.CollectableRow) (t core.Transfer, err error) {
	err = row.Scan(&t.ID, (*string)(&t.Kind), &t.From, &t.To, &t.Currency, &t.Amount, &t.Campaign, &t.Order, &t.At, &t.Settled)
	return t, err
}

// sorted returns the list in order, itself if it is already. The order of a statement's rows is the order of its locks.
func sorted[T any](list []T, compare func(a, b T) int) []T {
	if slices.IsSortedFunc(list, compare) {
		return list
	}
	return slices.SortedFunc(slices.Values(list), compare)
}
