package core

import (
	"slices"
	"strconv"
	"strings"
)

// ValueKind is the type of a fact's value. The numbers are part of the plugin ABI (fact_kind) and never change.
type ValueKind uint8

// The kinds. Objects are not values: only what is inside them is a fact.
const (
	ValueAbsent  ValueKind = 0
	ValueInteger ValueKind = 1
	ValueString  ValueKind = 2
	ValueBoolean ValueKind = 3
	ValueList    ValueKind = 4
)

// String returns the kind's name.
func (k ValueKind) String() string {
	switch k {
	case ValueInteger:
		return "integer"
	case ValueString:
		return "string"
	case ValueBoolean:
		return "boolean"
	case ValueList:
		return "list"
	default:
		return "absent"
	}
}

// Value is one fact's value. The zero Value is an absent one; an empty string and an empty list are absent too.
type Value struct {
	Kind    ValueKind
	Int     int64  // an integer; a boolean as 0 or 1
	Str     string // a string
	strings []string
	list    []any
}

// Len returns the number of a list's elements, 0 for everything else.
func (v Value) Len() int { return len(v.strings) + len(v.list) }

// At returns element i of a list, absent when there is none.
func (v Value) At(i int) Value {
	switch {
	case i < 0 || i >= v.Len():
		return Value{}
	case v.strings != nil:
		return stringValue(v.strings[i])
	default:
		return anyValue(v.list[i])
	}
}

// element returns the element that a path's last part ("0", "17") names.
func (v Value) element(index string) Value {
	n, err := strconv.ParseUint(index, 10, 31)
	if err != nil || (index[0] == '0' && len(index) > 1) {
		return Value{}
	}
	return v.At(int(n))
}

func intValue(n int64) Value { return Value{Kind: ValueInteger, Int: n} }

func stringValue(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{Kind: ValueString, Str: s}
}

func stringsValue(list []string) Value {
	if len(list) == 0 {
		return Value{}
	}
	return Value{Kind: ValueList, strings: list}
}

// anyValue wraps one of the values an [Object] may hold.
func anyValue(v any) Value {
	switch v := v.(type) {
	case int64:
		return intValue(v)
	case string:
		return stringValue(v)
	case bool:
		if v {
			return Value{Kind: ValueBoolean, Int: 1}
		}
		return Value{Kind: ValueBoolean}
	case []any:
		if len(v) > 0 {
			return Value{Kind: ValueList, list: v}
		}
	}
	return Value{}
}

// Lookup returns the value at a dotted path inside the object (trade_in.brand, brands.0). It does not allocate.
func (o Object) Lookup(path string) Value {
	name, rest, nested := strings.Cut(path, ".")
	v := o[name]
	if !nested {
		return anyValue(v)
	}
	if inner, ok := v.(Object); ok {
		return inner.Lookup(rest)
	}
	return anyValue(v).element(rest)
}

// Lookup returns the fact at a dotted path: item.price, shopper.tags.0, quota.trade-in, input.trade_in.brand. A path
// outside the vocabulary, an unknown quota, a block that this decision does not have and an empty string are absent;
// the integers of blocks that every decision has are integers even when 0. It does not allocate.
func (f *Facts) Lookup(path string) Value {
	block, name, nested := strings.Cut(path, ".")
	if !nested {
		return f.lookupSingle(block)
	}
	switch block {
	case "campaign":
		return f.Campaign.lookup(name)
	case "item":
		return f.Item.lookup(name)
	case "shopper":
		return f.Shopper.lookup(name)
	case "shares":
		return f.Shares.lookup(name)
	case "quota":
		return lookupQuota(f.Quota, name)
	case "input":
		return f.Input.Lookup(name)
	case "config":
		return f.Config.Lookup(name)
	default:
		return f.lookupOptional(block, name)
	}
}

func (f *Facts) lookupSingle(name string) Value {
	switch name {
	case "now":
		return intValue(f.Now)
	case "quantity":
		return intValue(f.Quantity)
	default:
		return Value{}
	}
}

// lookupOptional answers for the blocks that are absent as a whole when the decision does not have them.
func (f *Facts) lookupOptional(block, name string) Value {
	switch {
	case block == "reservation" && f.Reservation.At != 0:
		return f.Reservation.lookup(name)
	case block == "voucher" && f.Voucher.Code != "":
		return f.Voucher.lookup(name)
	case block == "group" && f.Group.ID != "":
		return f.Group.lookup(name)
	case block == "order" && f.Order.ID != "":
		return f.Order.lookup(name)
	case block == "message" && name == "text":
		return stringValue(f.Message.Text)
	default:
		return Value{}
	}
}

func lookupQuota(quota map[string]int64, name string) Value {
	left, ok := quota[name]
	if !ok {
		return Value{}
	}
	return intValue(left)
}

func (c *CampaignFacts) lookup(name string) Value {
	switch name {
	case "id":
		return stringValue(c.ID)
	case "brand":
		return stringValue(c.Brand)
	case "currency":
		return stringValue(c.Currency)
	case "phase":
		return stringValue(c.Phase)
	case "sale_opens":
		return intValue(c.SaleOpens)
	case "sale_closes":
		return intValue(c.SaleCloses)
	default:
		return Value{}
	}
}

func (i *ItemFacts) lookup(name string) Value {
	switch name {
	case "sku":
		return stringValue(i.SKU)
	case "price":
		return intValue(i.Price)
	case "stock":
		return intValue(i.Stock)
	case "left":
		return intValue(i.Left)
	case "sold":
		return intValue(i.Sold)
	default:
		return Value{}
	}
}

func (s *ShopperFacts) lookup(name string) Value {
	switch name {
	case "id":
		return stringValue(s.ID)
	case "tier":
		return stringValue(s.Tier)
	case "tags":
		return stringsValue(s.Tags)
	case "region":
		return stringValue(s.Region)
	case "registered_at":
		return intValue(s.RegisteredAt)
	case "orders":
		return intValue(s.Orders)
	}
	if index, ok := strings.CutPrefix(name, "tags."); ok {
		return stringsValue(s.Tags).element(index)
	}
	return Value{}
}

func (r *ReservationFacts) lookup(name string) Value {
	switch name {
	case "at":
		return intValue(r.At)
	case "position":
		return intValue(r.Position)
	default:
		return Value{}
	}
}

func (s *SharesFacts) lookup(name string) Value {
	switch name {
	case "reposts":
		return intValue(s.Reposts)
	case "visitors":
		return intValue(s.Visitors)
	case "reservations":
		return intValue(s.Reservations)
	case "counted":
		return stringValue(s.Counted)
	default:
		return Value{}
	}
}

func (v *VoucherFacts) lookup(name string) Value {
	switch name {
	case "code":
		return stringValue(v.Code)
	case "pool":
		return stringValue(v.Pool)
	case "value":
		return intValue(v.Value)
	case "state":
		return stringValue(v.State)
	default:
		return Value{}
	}
}

func (g *GroupFacts) lookup(name string) Value {
	switch name {
	case "id":
		return stringValue(g.ID)
	case "size":
		return intValue(g.Size)
	case "joined":
		return intValue(g.Joined)
	case "closes_at":
		return intValue(g.ClosesAt)
	case "leader":
		return stringValue(g.Leader)
	default:
		return Value{}
	}
}

func (o *OrderFacts) lookup(name string) Value {
	switch name {
	case "id":
		return stringValue(o.ID)
	case "sku":
		return stringValue(o.SKU)
	case "total":
		return intValue(o.Total)
	case "paid_at":
		return intValue(o.PaidAt)
	case "state":
		return stringValue(o.State)
	case "carrier":
		return stringValue(o.Carrier)
	case "tracking":
		return stringValue(o.Tracking)
	default:
		return Value{}
	}
}

// FactPaths returns the fixed part of the vocabulary, sorted. quota.<name>, input.* and config.* come with a campaign
// and a binding and are not in it.
func FactPaths() []string {
	return []string{
		"campaign.brand", "campaign.currency", "campaign.id", "campaign.phase", "campaign.sale_closes", "campaign.sale_opens",
		"group.closes_at", "group.id", "group.joined", "group.leader", "group.size",
		"item.left", "item.price", "item.sku", "item.sold", "item.stock",
		"message.text",
		"now",
		"order.carrier", "order.id", "order.paid_at", "order.sku", "order.state", "order.total", "order.tracking",
		"quantity",
		"reservation.at", "reservation.position",
		"shares.counted", "shares.reposts", "shares.reservations", "shares.visitors",
		"shopper.id", "shopper.orders", "shopper.region", "shopper.registered_at", "shopper.tags", "shopper.tier",
		"voucher.code", "voucher.pool", "voucher.state", "voucher.value",
	}
}

// KnownFact reports whether a manifest may declare the path: one of [FactPaths], quota.<name>, config.<name>,
// input.<field> or input.<group>.<field>. Declaring a list covers its elements; a wildcard does not exist.
func KnownFact(path string) bool {
	if _, found := slices.BinarySearch(FactPaths(), path); found {
		return true
	}
	block, rest, _ := strings.Cut(path, ".")
	parts := strings.Split(rest, ".")
	if !slices.Contains([]string{"quota", "config", "input"}, block) {
		return false
	}
	if len(parts) > 2 || (len(parts) == 2 && block != "input") {
		return false
	}
	return !slices.ContainsFunc(parts, func(part string) bool { return !isName(part) })
}

// isName reports whether s may name a mechanic, quota, parameter or input: 1 to 63 letters, digits, "_" and "-", at
// least one of them not a digit, so that a name is never mistaken for a list's index.
func isName(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	digits := 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' && r != '-':
			return false
		}
	}
	return digits < len(s)
}
