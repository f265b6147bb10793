package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// OrderColumns are the parts of an order that stores keep as JSON text. Lines, Takes and Claims never change.
type OrderColumns struct {
	Lines, Takes, Claims string
	Dues, Conditions     string
	Shipment             string // "" until the order is shipped
}

// Columns renders the parts by hand: a store's one writer waits for it, and reflection took a seventh of its time.
func (o *Order) Columns() OrderColumns {
	b := make([]byte, 0, 512)
	b = appendList(b, o.Lines, (*Line).appendJSON)
	lines := len(b)
	b = appendList(b, o.Takes, (*Take).appendJSON)
	takes := len(b)
	b = appendList(b, o.Claims, (*Claim).appendJSON)
	claims := len(b)
	b = appendList(b, o.Dues, (*Due).appendJSON)
	dues := len(b)
	b = appendList(b, o.Conditions, (*Condition).appendJSON)
	all := string(b)
	columns := OrderColumns{
		Lines: all[:lines], Takes: all[lines:takes], Claims: all[takes:claims],
		Dues: all[claims:dues], Conditions: all[dues:],
	}
	if o.Shipment != nil {
		shipment, _ := json.Marshal(o.Shipment) // plain data always encodes
		columns.Shipment = string(shipment)
	}
	return columns
}

// SetColumns reads the parts back. Whose the claims are is implied by the order, whose ID and Shopper must be set.
func (o *Order) SetColumns(c OrderColumns) error {
	err := errors.Join(
		parseList(c.Lines, &o.Lines), parseList(c.Takes, &o.Takes), parseList(c.Claims, &o.Claims),
		parseList(c.Dues, &o.Dues), parseList(c.Conditions, &o.Conditions),
	)
	if err != nil {
		return fmt.Errorf("order %s: %w", o.ID, err)
	}
	for i := range o.Claims {
		o.Claims[i].Shopper, o.Claims[i].Owner = o.Claims[i].Kind.scope(o.Shopper, o.Claims[i].Key), o.ID
	}
	if c.Shipment == "" {
		o.Shipment = nil
		return nil
	}
	return json.Unmarshal([]byte(c.Shipment), &o.Shipment)
}

// parseList reads a list; the empty one is nil.
func parseList[T any](text string, list *[]T) error {
	if text == "[]" {
		*list = nil
		return nil
	}
	return json.Unmarshal([]byte(text), list)
}

func appendList[T any](b []byte, list []T, one func(*T, []byte) []byte) []byte {
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(&list[i], b)
	}
	return append(b, ']')
}

func (l *Line) appendJSON(b []byte) []byte {
	b = appendString(append(b, `{"sku":`...), l.SKU)
	b = appendInt(b, `,"units":`, l.Units)
	b = appendInt(b, `,"unit_price":`, l.UnitPrice)
	if l.Discount != 0 {
		b = appendInt(b, `,"discount":`, l.Discount)
	}
	b = appendInt(b, `,"amount":`, l.Amount)
	if len(l.Labels) > 0 {
		b = appendList(append(b, `,"labels":`...), l.Labels, func(t *Text, b []byte) []byte { return t.appendJSON(b) })
	}
	return append(b, '}')
}

func (t *Take) appendJSON(b []byte) []byte {
	b = appendString(append(b, `{"counter":`...), t.Counter)
	return append(appendInt(b, `,"units":`, t.Units), '}')
}

func (c *Claim) appendJSON(b []byte) []byte {
	b = appendString(append(b, `{"kind":`...), string(c.Kind))
	return append(appendString(append(b, `,"key":`...), c.Key), '}')
}

func (d *Due) appendJSON(b []byte) []byte {
	b = appendString(append(b, `{"kind":`...), d.Kind)
	b = appendInt(b, `,"amount":`, d.Amount)
	b = appendInt(b, `,"due_at":`, d.DueAt)
	b = appendString(append(b, `,"state":`...), d.State)
	if d.Payment != "" {
		b = appendString(append(b, `,"payment":`...), d.Payment)
	}
	if d.PaidAt != 0 {
		b = appendInt(b, `,"paid_at":`, d.PaidAt)
	}
	if d.Unpaid != "" {
		b = appendString(append(b, `,"unpaid":`...), string(d.Unpaid))
	}
	return append(b, '}')
}

func (c *Condition) appendJSON(b []byte) []byte {
	b = appendString(append(b, `{"kind":`...), c.Kind)
	if len(c.Data) > 0 {
		b = append(append(b, `,"data":`...), c.Data...)
	}
	return append(appendString(append(b, `,"state":`...), c.State), '}')
}

// appendInt appends a key and a number.
func appendInt(b []byte, key string, n int64) []byte {
	return strconv.AppendInt(append(b, key...), n, 10)
}
