package sqlite

import (
	"encoding/json"

	"hotdrop/core"
)

// encode returns v as the JSON text of a column.
func encode(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// order reads a row of the columns that load_orders.sql lists.
func (r *row) order() (*core.Order, error) {
	o := &core.Order{
		Campaign: r.text(), ID: r.text(), Brand: r.text(), Shopper: r.text(), Currency: r.text(), Total: r.integer(),
	}
	columns := core.OrderColumns{Lines: r.text(), Takes: r.text(), Claims: r.text()}
	if quote := r.text(); quote != "" {
		o.Quote = json.RawMessage(quote)
	}
	o.PlacedAt, o.Revision = r.integer(), r.integer()
	o.State, o.TakesState = core.OrderState(r.text()), core.TakesState(r.text())
	o.HoldUntil, o.UpdatedAt = r.integer(), r.integer()
	columns.Dues, columns.Conditions, columns.Shipment = r.text(), r.text(), r.text()
	err := o.SetColumns(columns)
	return o, err
}

func (r *row) transfer() core.Transfer {
	return core.Transfer{
		ID: r.text(), Kind: core.TransferKind(r.text()), From: r.text(), To: r.text(), Currency: r.text(),
		Amount: r.integer(), Campaign: r.text(), Order: r.text(), At: r.integer(), Settled: r.integer() != 0,
		Request: r.text(),
	}
}
