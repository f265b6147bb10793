package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"

	"hotdrop/core"
)

// encode returns v as the JSON text of a column.
func encode(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// orderPins and orderValues are the JSON columns of an order: those that never change, and those that do.
type orderPins struct{ lines, takes, claims string }

type orderValues struct{ dues, conditions string }

func pinsOf(order *core.Order) (p orderPins, err error) {
	var errs [3]error
	p.lines, errs[0] = encode(order.Lines)
	p.takes, errs[1] = encode(order.Takes)
	p.claims, errs[2] = encode(order.Claims)
	return p, errors.Join(errs[:]...)
}

func valuesOf(order *core.Order) (v orderValues, err error) {
	var errs [2]error
	v.dues, errs[0] = encode(order.Dues)
	v.conditions, errs[1] = encode(order.Conditions)
	return v, errors.Join(errs[:]...)
}

// order reads a row of the columns that load_orders.sql lists.
func (r *row) order() (*core.Order, error) {
	o := &core.Order{
		Campaign: r.text(), ID: r.text(), Brand: r.text(), Shopper: r.text(), Currency: r.text(), Total: r.integer(),
	}
	lines, takes, claims := r.text(), r.text(), r.text()
	if quote := r.text(); quote != "" {
		o.Quote = json.RawMessage(quote)
	}
	o.PlacedAt, o.Revision = r.integer(), r.integer()
	o.State, o.TakesState = core.OrderState(r.text()), core.TakesState(r.text())
	o.HoldUntil, o.UpdatedAt = r.integer(), r.integer()
	dues, conditions := r.text(), r.text()
	if err := errors.Join(
		json.Unmarshal([]byte(lines), &o.Lines), json.Unmarshal([]byte(takes), &o.Takes),
		json.Unmarshal([]byte(claims), &o.Claims),
		json.Unmarshal([]byte(dues), &o.Dues), json.Unmarshal([]byte(conditions), &o.Conditions),
	); err != nil {
		return nil, fmt.Errorf("order %s: %w", o.ID, err)
	}
	for i := range o.Claims { // the row implies whose they are
		o.Claims[i].Shopper, o.Claims[i].Owner = o.Shopper, o.ID
	}
	return o, nil
}

func (r *row) transfer() core.Transfer {
	return core.Transfer{
		ID: r.text(), Kind: core.TransferKind(r.text()), From: r.text(), To: r.text(), Currency: r.text(),
		Amount: r.integer(), Campaign: r.text(), Order: r.text(), At: r.integer(), Settled: r.integer() != 0,
	}
}
