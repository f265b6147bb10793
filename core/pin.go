package core

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

const (
	// EngineVersion names the rules by which effects become a price: it changes whenever the same effects could give
	// another total, so that a replay knows what it compares with.
	EngineVersion = "2"
	// engineTies is the version in which a tie of best went to the earlier binding, whatever else the two asked for. An
	// order that was decided under it is explained by it.
	engineTies = "1"
	// FuelSchedule names the plugin meter's price list; it is the version of the rewriter that charges by it.
	FuelSchedule = "2"
)

// pin renders the decision as it is kept with the order: canonical JSON with sorted keys, integers and no spaces, so
// that a replay can be compared byte for byte.
func (d *decision) pin(facts *Facts, epoch int64) json.RawMessage {
	b := make([]byte, 0, 1024)
	b = append(b, '{')
	b = appendNamed(b, `"added":`, d.addedItems(func(item *Item) int64 { return item.Price }))
	b = append(b, `"bindings":[`...)
	for i := range d.steps {
		if i > 0 {
			b = append(b, ',')
		}
		b = d.steps[i].appendJSON(b)
	}
	b = appendInt(b, `],"budget_left":`, d.budgetLeft)
	b = appendString(append(b, `,"engine":`...), d.engine)
	b = append(b, `,"epoch":`...)
	b = strconv.AppendInt(b, epoch, 10)
	b = facts.appendJSON(append(b, `,"facts":`...))
	b = append(b, ',')
	b = appendNamed(b, `"floors":`, d.floors(facts.Item.SKU))
	b = append(b, `"fuel_schedule":"`+FuelSchedule+`","guardrails":{"discount_budget":`...)
	b = strconv.AppendInt(b, d.campaign.Guardrails.DiscountBudget, 10)
	b = appendInt(b, `,"max_discount":`, d.campaign.Guardrails.MaxDiscount)
	b = appendInt(b, `,"min_price":`, d.campaign.Guardrails.MinPrice)
	b = append(b, '}')
	if slices.ContainsFunc(d.steps, func(s step) bool { return s.lastGood }) {
		b = appendInt(b, `,"last_good":`, d.lastGood)
	}
	b = appendInt(b, `,"ruleset":`, d.ruleset)
	b = appendInt(b, `,"total":`, d.total)
	return append(b, '}')
}

// floors returns the price floors that items of the order have of their own, by sku; nil without any.
func (d *decision) floors(sku string) map[string]int64 {
	floors := d.addedItems(func(item *Item) int64 { return item.MinPrice })
	if item := d.campaign.Item(sku); item != nil && item.MinPrice > 0 {
		floors = with(floors, sku, item.MinPrice)
	}
	return floors
}

// addedItems returns what no fact has of the items that effects add, by sku. Zeros are left out; nil without any.
func (d *decision) addedItems(value func(*Item) int64) map[string]int64 {
	var values map[string]int64
	for i := range d.steps {
		for n := range d.steps[i].effects {
			e := &d.steps[i].effects[n]
			if e.Kind != EffectAdd {
				continue
			}
			if item := d.campaign.Item(e.Name); item != nil && value(item) != 0 {
				values = with(values, e.Name, value(item))
			}
		}
	}
	return values
}

func with(values map[string]int64, name string, value int64) map[string]int64 {
	if values == nil {
		values = map[string]int64{}
	}
	values[name] = value
	return values
}

// appendNamed appends a key, the counts and a comma, or nothing if there are none.
func appendNamed(b []byte, key string, counts map[string]int64) []byte {
	if counts == nil {
		return b
	}
	return append(appendCounts(append(b, key...), counts), ',')
}

func (s *step) appendJSON(b []byte) []byte {
	b = appendString(append(b, `{"digest":`...), s.manifest.Digest)
	b = append(b, `,"effects":[`...)
	for i := range s.effects {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.effects[i].appendJSON(b)
	}
	b = append(b, ']')
	if s.failure != "" {
		b = appendString(append(b, `,"failure":`...), s.failure)
	}
	b = appendInt(b, `,"fuel":`, s.usage.Fuel)
	if s.lastGood {
		b = append(b, `,"last_good":true`...)
	}
	b = appendString(append(b, `,"mechanic":`...), s.manifest.Name)
	b = appendString(append(b, `,"outcome":`...), string(s.outcome))
	return append(b, '}')
}

// appendJSON appends the facts with sorted keys, absent ones left out, as encoding/json would after sorting.
func (f *Facts) appendJSON(b []byte) []byte {
	b = appendString(append(b, `{"campaign":{"brand":`...), f.Campaign.Brand)
	b = appendString(append(b, `,"currency":`...), f.Campaign.Currency)
	b = appendString(append(b, `,"id":`...), f.Campaign.ID)
	b = appendString(append(b, `,"phase":`...), f.Campaign.Phase)
	b = appendInt(b, `,"sale_closes":`, f.Campaign.SaleCloses)
	b = appendInt(b, `,"sale_opens":`, f.Campaign.SaleOpens)
	b = append(b, '}')
	b = f.Group.appendJSON(b)
	if len(f.Input) > 0 {
		b = appendObject(append(b, `,"input":`...), f.Input)
	}
	b = appendInt(b, `,"item":{"left":`, f.Item.Left)
	b = appendInt(b, `,"price":`, f.Item.Price)
	b = appendString(append(b, `,"sku":`...), f.Item.SKU)
	b = appendInt(b, `,"sold":`, f.Item.Sold)
	b = appendInt(b, `,"stock":`, f.Item.Stock)
	b = append(b, '}')
	if f.Message.Text != "" {
		b = append(appendString(append(b, `,"message":{"text":`...), f.Message.Text), '}')
	}
	b = appendInt(b, `,"now":`, f.Now)
	b = f.Order.appendJSON(b)
	b = appendInt(b, `,"quantity":`, f.Quantity)
	b = appendQuota(b, f.Quota)
	if f.Reservation != (ReservationFacts{}) {
		b = appendInt(b, `,"reservation":{"at":`, f.Reservation.At)
		b = append(appendInt(b, `,"position":`, f.Reservation.Position), '}')
	}
	b = f.Shares.appendJSON(b)
	b = f.Shopper.appendJSON(b)
	b = f.Voucher.appendJSON(b)
	return append(b, '}')
}

func (g *GroupFacts) appendJSON(b []byte) []byte {
	if *g == (GroupFacts{}) {
		return b
	}
	b = appendInt(b, `,"group":{"closes_at":`, g.ClosesAt)
	b = appendString(append(b, `,"id":`...), g.ID)
	b = appendInt(b, `,"joined":`, g.Joined)
	b = appendString(append(b, `,"leader":`...), g.Leader)
	return append(appendInt(b, `,"size":`, g.Size), '}')
}

func (o *OrderFacts) appendJSON(b []byte) []byte {
	if *o == (OrderFacts{}) {
		return b
	}
	b = append(b, `,"order":{`...)
	if o.Carrier != "" {
		b = append(appendString(append(b, `"carrier":`...), o.Carrier), ',')
	}
	b = appendString(append(b, `"id":`...), o.ID)
	b = appendInt(b, `,"paid_at":`, o.PaidAt)
	b = appendString(append(b, `,"sku":`...), o.SKU)
	if o.State != "" {
		b = appendString(append(b, `,"state":`...), o.State)
	}
	b = appendInt(b, `,"total":`, o.Total)
	if o.Tracking != "" {
		b = appendString(append(b, `,"tracking":`...), o.Tracking)
	}
	return append(b, '}')
}

func (s *SharesFacts) appendJSON(b []byte) []byte {
	if *s == (SharesFacts{}) {
		return b
	}
	b = append(b, `,"shares":{`...)
	if s.Counted != "" {
		b = append(appendString(append(b, `"counted":`...), s.Counted), ',')
	}
	b = appendInt(b, `"reposts":`, s.Reposts)
	b = appendInt(b, `,"reservations":`, s.Reservations)
	return append(appendInt(b, `,"visitors":`, s.Visitors), '}')
}

func (v *VoucherFacts) appendJSON(b []byte) []byte {
	if *v == (VoucherFacts{}) {
		return b
	}
	b = appendString(append(b, `,"voucher":{"code":`...), v.Code)
	b = appendString(append(b, `,"pool":`...), v.Pool)
	b = appendString(append(b, `,"state":`...), v.State)
	return append(appendInt(b, `,"value":`, v.Value), '}')
}

func (s *ShopperFacts) appendJSON(b []byte) []byte {
	b = appendString(append(b, `,"shopper":{"id":`...), s.ID)
	if s.Orders != 0 {
		b = appendInt(b, `,"orders":`, s.Orders)
	}
	if s.Region != "" {
		b = appendString(append(b, `,"region":`...), s.Region)
	}
	if s.RegisteredAt != 0 {
		b = appendInt(b, `,"registered_at":`, s.RegisteredAt)
	}
	for i, tag := range s.Tags {
		if i == 0 {
			b = append(b, `,"tags":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendString(b, tag)
	}
	if len(s.Tags) > 0 {
		b = append(b, ']')
	}
	if s.Tier != "" {
		b = appendString(append(b, `,"tier":`...), s.Tier)
	}
	return append(b, '}')
}

func appendQuota(b []byte, quota map[string]int64) []byte {
	if len(quota) == 0 {
		return b
	}
	return appendCounts(append(b, `,"quota":`...), quota)
}

// appendCounts appends an object of integers with sorted keys.
func appendCounts(b []byte, counts map[string]int64) []byte {
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(counts)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, name), ':')
		b = strconv.AppendInt(b, counts[name], 10)
	}
	return append(b, '}')
}

// appendObject appends an object with sorted keys.
func appendObject(b []byte, o Object) []byte {
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(o)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(append(appendString(b, name), ':'), o[name])
	}
	return append(b, '}')
}

func appendValue(b []byte, value any) []byte {
	switch v := value.(type) {
	case int64:
		return strconv.AppendInt(b, v, 10)
	case string:
		return appendString(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case Object:
		return appendObject(b, v)
	case []any:
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, element)
		}
		return append(b, ']')
	default:
		return append(b, "null"...) // not a value of an Object
	}
}
