package core_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// properCampaign uses every part of a campaign within its bounds.
func properCampaign() *core.Campaign {
	noon := time.Date(2014, 4, 3, 12, 0, 0, 0, time.UTC)
	return &core.Campaign{
		ID: "trade-in", Brand: "meizu", Currency: "CNY", Title: core.Text{ZH: "退个烧"},
		Phases: core.Phases{Teaser: noon.Add(-48 * time.Hour), Reservation: noon.Add(-24 * time.Hour), Sale: noon, Closed: noon.Add(time.Hour)},
		Items: []core.Item{
			{SKU: "mx3", Title: core.Text{EN: "MX3"}, Price: core.MaxAmount, Stock: core.MaxUnits, Limit: core.MaxLimit, Hold: core.MaxHold, NeedsReservation: true},
			{SKU: "Flyme_code.1", Title: core.Text{EN: "Code"}, Price: 1, Hold: core.MinHold, Phases: core.Phases{Sale: noon.Add(-24 * time.Hour), Closed: noon}},
		},
		Inputs: map[string]core.Input{
			"note": {Field: core.Field{Type: "string", Max: 1024}}, "age": {Field: core.Field{Type: "integer", Min: 18, Max: 18}},
			"trade_in": {Fields: map[string]core.Field{"works": {Type: "boolean"}, "condition": {Type: "enum", Of: []string{"good", "worn"}}}},
		},
		Quotas:       map[string]int64{"trade-in": 0},
		VoucherPools: map[string]core.VoucherPool{"flyme-50": {Count: core.MaxUnits, Value: core.MaxAmount}},
		Guardrails:   core.Guardrails{MinPrice: 1, MaxDiscount: core.MaxBudget, DiscountBudget: core.MaxBudget},
		Guards: core.Guards{
			SpendPerMinute: core.MaxBudget, BudgetShare: core.MaxShare, ErrorRate: 1, DenialRate: core.MaxShare, FuelP99: core.MaxFuel,
			OrderValueDrop: core.MaxShare, MinOrders: core.MaxGuarded, MaxPriceChange: core.MaxPriceMove,
			Breaker: core.BreakerTerms{Failures: core.WholeShare, Min: core.MaxGuarded, Pause: core.MaxPause},
		},
		Ruleset: []core.Binding{
			{Mechanic: "seckill", Group: "main"}, {Rule: json.RawMessage(`{"when":"true"}`), Group: "main", OnFailure: core.FailSkip},
			{Plugin: "trade-in"}, {Plugin: "sha256:" + strings.Repeat("0f", 32), OnFailure: core.FailLastGood},
		},
		Stacking: map[string]core.Stacking{"main": core.StackBest},
	}
}

func TestACampaignWithinItsBoundsIsValid(t *testing.T) {
	if err := properCampaign().Validate().Err(); err != nil {
		t.Error(err)
	}
}

func TestEveryRuleOfACampaignNamesThePathThatBreaksIt(t *testing.T) {
	const (
		name   = "the name must be 1 to 63 letters, digits, _ and -, not only digits"
		amount = "must be between 0 and 1000000000000, not "
		units  = "must be between 0 and 1000000000, not "
		one    = "must have exactly one of mechanic, rule and plugin, not "
	)
	for _, tc := range []struct {
		name   string
		change func(c *core.Campaign)
		want   string
	}{
		{"no id", func(c *core.Campaign) { c.ID = "" }, "campaign: must be 1 to 63 of a-z, 0-9 and -"},
		{"an id of 64 characters", func(c *core.Campaign) { c.ID = strings.Repeat("a", 64) }, "campaign: must be 1 to 63 of a-z, 0-9 and -"},
		{"a brand in capitals", func(c *core.Campaign) { c.Brand = "Meizu" }, "brand: must be 1 to 63 of a-z, 0-9 and -"},
		{"a currency that is none", func(c *core.Campaign) { c.Currency = "RMB" }, "currency: must be a currency code of ISO 4217, such as CNY"},
		{"no title", func(c *core.Campaign) { c.Title = core.Text{} }, "title: must not be empty"},
		{"a title of 301 characters", func(c *core.Campaign) { c.Title.ZH = strings.Repeat("退", 301) }, "title: must be at most 300 characters"},
		{"no sale", func(c *core.Campaign) { c.Phases.Sale = time.Time{} }, "phases.sale: is required"},
		{"no end", func(c *core.Campaign) { c.Phases.Closed = time.Time{} }, "phases.closed: is required"},
		{"a sale that starts with the reservation", func(c *core.Campaign) { c.Phases.Reservation = c.Phases.Sale }, "phases.sale: must start after reservation"},
		{"an end before the sale", func(c *core.Campaign) {
			c.Phases.Closed, c.Items = c.Phases.Sale.Add(-1), c.Items[:1]
		}, "phases.closed: must start after sale"},
		{"no items", func(c *core.Campaign) { c.Items = nil }, "items: must be 1 to 1000 items, not 0"},
		{"a SKU with a slash", func(c *core.Campaign) { c.Items[0].SKU = "a/b" }, "items[0].sku: must be 1 to 64 letters, digits, ., _ and -"},
		{"a SKU twice", func(c *core.Campaign) { c.Items[1].SKU = "mx3" }, "items[1].sku: is the SKU of items[0] too"},
		{"an item without a title", func(c *core.Campaign) { c.Items[1].Title = core.Text{} }, "items[1].title: must not be empty"},
		{"a negative price", func(c *core.Campaign) { c.Items[0].Price = -1 }, "items[0].price: " + amount + "-1"},
		{"a price beyond the most", func(c *core.Campaign) { c.Items[0].Price++ }, "items[0].price: " + amount + "1000000000001"},
		{"a price below the least", func(c *core.Campaign) { c.Items[1].Price = 0 }, "items[1].price: is below guardrails.min_price, which is 1 (an item may have a min_price of its own)"},
		{"a price below the item's own least", func(c *core.Campaign) { c.Items[1].MinPrice = c.Items[1].Price + 1 },
			fmt.Sprintf("items[1].price: is below its min_price, which is %d", properCampaign().Items[1].Price+1)},
		{"negative stock", func(c *core.Campaign) { c.Items[0].Stock = -1 }, "items[0].stock: " + units + "-1"},
		{"stock beyond the most", func(c *core.Campaign) { c.Items[0].Stock++ }, "items[0].stock: " + units + "1000000001"},
		{"a limit of 101", func(c *core.Campaign) { c.Items[0].Limit++ }, "items[0].limit: must be between 0 and 100, not 101"},
		{"a hold of nothing", func(c *core.Campaign) { c.Items[0].Hold = core.MinHold - 1 }, "items[0].hold: must be between 1s and 720h (30 days)"},
		{"a hold beyond 30 days", func(c *core.Campaign) { c.Items[0].Hold++ }, "items[0].hold: must be between 1s and 720h (30 days)"},
		{"an item for reservers nobody can be", func(c *core.Campaign) { c.Phases.Reservation = time.Time{} }, "items[0].needs_reservation: nobody can reserve: the campaign has no reservation phase"},
		{"an item sold before the campaign starts", func(c *core.Campaign) { c.Items[1].Phases.Sale = c.Phases.Teaser.Add(-1) }, "items[1].phases.sale: must not be before the campaign's teaser"},
		{"an item that outlasts the campaign", func(c *core.Campaign) { c.Items[1].Phases.Closed = c.Phases.Closed.Add(1) }, "items[1].phases.closed: must not be after the campaign is closed"},
		{"an item whose window is not in order", func(c *core.Campaign) { c.Items[1].Phases.Closed = c.Items[1].Phases.Sale }, "items[1].phases.closed: must start after sale"},
		{"an item whose window never closes", func(c *core.Campaign) { c.Items[1].Phases.Closed = time.Time{} }, "items[1].phases.closed: is required"},
		{"an item whose window never opens", func(c *core.Campaign) { c.Items[1].Phases.Sale = time.Time{} }, "items[1].phases.sale: is required"},
		{"an item with a teaser of its own", func(c *core.Campaign) { c.Items[1].Phases.Teaser = c.Phases.Teaser }, "items[1].phases.teaser: an item has a window of its own for sale and closed only"},
		{"an item with a reservation of its own", func(c *core.Campaign) { c.Items[1].Phases.Reservation = c.Phases.Teaser }, "items[1].phases.reservation: an item has a window of its own for sale and closed only"},
		{"an input without a type", func(c *core.Campaign) { c.Inputs["x"] = core.Input{} }, "inputs.x.type: must be string, integer, boolean or enum"},
		{"an input of a misspelled type", func(c *core.Campaign) { c.Inputs["x"] = core.Input{Field: core.Field{Type: "strng"}} }, "inputs.x.type: must be string, integer, boolean or enum (did you mean string?)"},
		{"a group without fields", func(c *core.Campaign) { c.Inputs["x"] = core.Input{Fields: map[string]core.Field{}} }, "inputs.x: must have a type, or fields that have one"},
		{"a name with a dot", func(c *core.Campaign) { c.Inputs["a.b"] = core.Input{Field: core.Field{Type: "boolean"}} }, "inputs.a.b: " + name},
		{"a field of digits", func(c *core.Campaign) { c.Inputs["trade_in"].Fields["7"] = core.Field{Type: "boolean"} }, "inputs.trade_in.7: " + name},
		{"a string of 1025 characters", func(c *core.Campaign) { c.Inputs["note"] = core.Input{Field: core.Field{Type: "string", Max: 1025}} }, "inputs.note.max: must be between 0 and 1024, not 1025"},
		{"a range that is empty", func(c *core.Campaign) {
			c.Inputs["age"] = core.Input{Field: core.Field{Type: "integer", Min: 19, Max: 18}}
		}, "inputs.age.max: must not be below min, which is 19"},
		{"an enum of nothing", func(c *core.Campaign) { c.Inputs["x"] = core.Input{Field: core.Field{Type: "enum"}} }, "inputs.x.of: must be 1 to 64 values, not 0"},
		{"an enum with a value twice", func(c *core.Campaign) {
			c.Inputs["x"] = core.Input{Field: core.Field{Type: "enum", Of: []string{"a", "a"}}}
		}, "inputs.x.of[1]: is there twice"},
		{"an enum with an empty value", func(c *core.Campaign) { c.Inputs["x"] = core.Input{Field: core.Field{Type: "enum", Of: []string{""}}} }, "inputs.x.of[0]: must be 1 to 1024 characters"},
		{"a longest boolean", func(c *core.Campaign) { c.Inputs["x"] = core.Input{Field: core.Field{Type: "boolean", Max: 1}} }, "inputs.x.max: means nothing for the type boolean"},
		{"a smallest string", func(c *core.Campaign) { c.Inputs["x"] = core.Input{Field: core.Field{Type: "string", Min: 1}} }, "inputs.x.min: means nothing for the type string"},
		{"values of an integer", func(c *core.Campaign) {
			c.Inputs["x"] = core.Input{Field: core.Field{Type: "integer", Of: []string{"1"}}}
		}, "inputs.x.of: means nothing for the type integer"},
		{"a negative quota", func(c *core.Campaign) { c.Quotas["trade-in"] = -1 }, "quotas.trade-in: " + units + "-1"},
		{"a quota without a name", func(c *core.Campaign) { c.Quotas[""] = 1 }, "quotas.: " + name},
		{"a pool with a space in its name", func(c *core.Campaign) { c.VoucherPools["a b"] = core.VoucherPool{} }, "voucher_pools.a b: " + name},
		{"a pool of less than nothing", func(c *core.Campaign) { c.VoucherPools["p"] = core.VoucherPool{Count: -1} }, "voucher_pools.p.count: " + units + "-1"},
		{"vouchers of negative worth", func(c *core.Campaign) { c.VoucherPools["p"] = core.VoucherPool{Value: -1} }, "voucher_pools.p.value: " + amount + "-1"},
		{"a negative least price", func(c *core.Campaign) { c.Guardrails.MinPrice = -1 }, "guardrails.min_price: " + amount + "-1"},
		{"a negative discount", func(c *core.Campaign) { c.Guardrails.MaxDiscount = -1 }, "guardrails.max_discount: must be between 0 and 1000000000000000000, not -1"},
		{"a negative budget", func(c *core.Campaign) { c.Guardrails.DiscountBudget = -1 }, "guardrails.discount_budget: must be between 0 and 1000000000000000000, not -1"},
		{"a binding of nothing", func(c *core.Campaign) { c.Ruleset[2] = core.Binding{} }, "ruleset[2]: " + one + "0"},
		{"a binding of two", func(c *core.Campaign) { c.Ruleset[2].Mechanic = "seckill" }, "ruleset[2]: " + one + "2"},
		{"a mechanic that is not a name", func(c *core.Campaign) { c.Ruleset[0].Mechanic = "a b" }, "ruleset[0].mechanic: " + name},
		{"a rule that is a list", func(c *core.Campaign) { c.Ruleset[1].Rule = json.RawMessage(`[]`) }, "ruleset[1].rule: must be a mapping with the keys of a rule"},
		{"a plugin that is not a name", func(c *core.Campaign) { c.Ruleset[2].Plugin = "a.wasm" }, "ruleset[2].plugin: must be the name of a shipped plugin, or sha256:… of an approved one"},
		{"a digest that is too short", func(c *core.Campaign) { c.Ruleset[3].Plugin = "sha256:0f" }, "ruleset[3].plugin: must be sha256: and 64 of 0-9 and a-f"},
		{"a digest in capitals", func(c *core.Campaign) { c.Ruleset[3].Plugin = "sha256:" + strings.Repeat("0F", 32) }, "ruleset[3].plugin: must be sha256: and 64 of 0-9 and a-f"},
		{"a group that is not a name", func(c *core.Campaign) { c.Ruleset[2].Group = "a b" }, "ruleset[2].group: " + name},
		{"an unknown policy", func(c *core.Campaign) { c.Ruleset[2].OnFailure = "last-good" }, "ruleset[2].on_failure: must be deny, skip or last_good (did you mean last_good?)"},
		{"stacking of a group nobody is in", func(c *core.Campaign) { c.Stacking["mian"] = core.StackAll }, "stacking.mian: no binding of the ruleset is in this group (did you mean main?)"},
		{"unknown stacking", func(c *core.Campaign) { c.Stacking["main"] = "bets" }, "stacking.main: must be all, best or first (did you mean best?)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := properCampaign()
			tc.change(c)
			if got := c.Validate().Error(); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestACampaignHasOnlySoMuchOfEverything(t *testing.T) {
	for _, tc := range []struct {
		name string
		fill func(c *core.Campaign, n int)
		most int
		want string
	}{
		{"items", func(c *core.Campaign, n int) {
			for i := len(c.Items); i < n; i++ {
				c.Items = append(c.Items, core.Item{SKU: fmt.Sprint("sku-", i), Title: core.Text{EN: "A"}, Price: 1, Hold: core.MinHold})
			}
		}, 1000, "items: must be 1 to 1000 items, not 1001"},
		{"bindings", func(c *core.Campaign, n int) {
			for len(c.Ruleset) < n {
				c.Ruleset = append(c.Ruleset, core.Binding{Mechanic: "seckill"})
			}
		}, 32, "ruleset: must be at most 32 bindings, not 33"},
		{"fields of inputs", func(c *core.Campaign, n int) {
			c.Inputs = map[string]core.Input{"one": {Field: core.Field{Type: "boolean"}}, "group": {Fields: map[string]core.Field{}}}
			for i := range n - 1 {
				c.Inputs["group"].Fields[fmt.Sprint("f", i)] = core.Field{Type: "boolean"}
			}
		}, 16, "inputs: must be at most 16 fields, not 17"},
		{"values of an enum", func(c *core.Campaign, n int) {
			values := make([]string, n)
			for i := range values {
				values[i] = fmt.Sprint(i)
			}
			c.Inputs["x"] = core.Input{Field: core.Field{Type: "enum", Of: values}}
		}, 64, "inputs.x.of: must be 1 to 64 values, not 65"},
		{"stacking groups", func(c *core.Campaign, n int) {
			c.Stacking, c.Ruleset = map[string]core.Stacking{}, make([]core.Binding, min(n, core.MaxBindings))
			for i := range n {
				group := fmt.Sprint("g", i)
				c.Ruleset[min(i, core.MaxBindings-1)] = core.Binding{Mechanic: "seckill", Group: group}
				c.Stacking[group] = core.StackAll
			}
		}, 32, "stacking: must be at most 32 groups, not 33"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := properCampaign()
			tc.fill(c, tc.most)
			if err := c.Validate().Err(); err != nil {
				t.Errorf("with %d: %v", tc.most, err)
			}
			tc.fill(c, tc.most+1)
			if got := c.Validate().Error(); got != tc.want {
				t.Errorf("with one more: %s, want %s", got, tc.want)
			}
		})
	}
}

func TestAnEmptyCampaignLacksEverythingInTheOrderOfItsFile(t *testing.T) {
	want := `campaign: must be 1 to 63 of a-z, 0-9 and -
brand: must be 1 to 63 of a-z, 0-9 and -
currency: must be a currency code of ISO 4217, such as CNY
title: must not be empty
phases.sale: is required
phases.closed: is required
items: must be 1 to 1000 items, not 0`
	if got := (&core.Campaign{}).Validate().Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
