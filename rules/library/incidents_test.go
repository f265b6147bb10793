package library_test

import (
	"errors"
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
	"hotdrop/rules/library"
)

// The tests of this file are named after what happened to others. They prove what the rules themselves refuse; that a
// unit, a voucher or a claim is not spent twice is for the stores to prove.

func bind(t failing, name string, config core.Object) core.Mechanic {
	t.Helper()
	mechanic, err := library.Compile(name, config)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return mechanic
}

type failing interface {
	Helper()
	Fatalf(format string, args ...any)
}

func ask(t failing, mechanic core.Mechanic, hook core.Hook, facts *core.Facts) []core.Effect {
	t.Helper()
	effects, _, err := mechanic.Decide(hook, facts, nil)
	if err != nil {
		t.Fatalf("%s: %v", mechanic.Manifest().Name, err)
	}
	return effects
}

func has(effects []core.Effect, kind core.EffectKind) bool {
	return slices.ContainsFunc(effects, func(e core.Effect) bool { return e.Kind == kind })
}

// TestPinduoduoAVoucherCannotBeClaimedWithoutLimit: in 2019 vouchers of 100 yuan could be claimed again and again. Here a
// voucher is sold once per shopper, one at a time, out of a quota, and never when the binding leaves the quota out; one
// paid order grants one code, whatever its quantity.
func TestPinduoduoAVoucherCannotBeClaimedWithoutLimit(t *testing.T) {
	facts := &core.Facts{
		Campaign: core.CampaignFacts{Phase: "reservation"}, Item: core.ItemFacts{SKU: "code", Price: 5000}, Quantity: 1,
		Order: core.OrderFacts{ID: "o", SKU: "code", Total: 100},
	}
	mechanic := bind(t, "one-cent-voucher", core.Object{"sku": "code", "quota": "codes", "pool": "yuan-100"})
	sold := ask(t, mechanic, core.HookQuote, facts)
	if !has(sold, core.EffectOnce) || !has(sold, core.EffectTake) {
		t.Errorf("it is sold without a limit: %v", sold)
	}
	facts.Quantity = 100
	if refused := ask(t, mechanic, core.HookQuote, facts); len(refused) != 1 || refused[0].Name != "one_per_shopper" {
		t.Errorf("a hundred at once: %v", refused)
	}
	granted := ask(t, mechanic, core.HookPaid, facts)
	if want := []core.Effect{{Kind: core.EffectGrant, Name: "yuan-100", Units: 1}}; !slices.Equal(granted, want) {
		t.Errorf("granted %v, want %v", granted, want)
	}
	facts.Quantity = 1
	for _, blank := range []string{"quota", "pool"} {
		config := core.Object{"sku": "code", "quota": "codes", "pool": "yuan-100", blank: ""}
		if sold := ask(t, bind(t, "one-cent-voucher", config), core.HookQuote, facts); len(sold) != 1 || sold[0].Kind != core.EffectDeny {
			t.Errorf("without a %s: %v", blank, sold)
		}
	}
}

// TestPinduoduoEntriesOfADrawAreBounded: as many reposts as machines can make are not as many entries.
func TestPinduoduoEntriesOfADrawAreBounded(t *testing.T) {
	mechanic := bind(t, "repost-lottery", core.Object{"max_entries": int64(3)})
	entries := 0
	for reposts := range int64(10_000) {
		facts := &core.Facts{Shares: core.SharesFacts{Reposts: reposts + 1, Counted: "repost"}}
		if has(ask(t, mechanic, core.HookShare, facts), core.EffectEnter) {
			entries++
		}
	}
	if entries != 3 {
		t.Errorf("%d entries, want 3", entries)
	}
}

// TestStarbucksAVoucherThatWasSpentTakesNothingOff: in 2015 money was spent twice by asking twice at once. The rule
// refuses a code in every state but granted; that two orders do not see it granted at once is the stores' to prove.
func TestStarbucksAVoucherThatWasSpentTakesNothingOff(t *testing.T) {
	mechanic := bind(t, "one-cent-voucher", core.Object{"sku": "code", "quota": "codes", "pool": "yuan-100"})
	for _, state := range []string{"redeemed", "expired", "revoked", "", "Granted", "granted "} {
		facts := &core.Facts{
			Item: core.ItemFacts{SKU: "phone", Price: 199_900}, Quantity: 1,
			Voucher: core.VoucherFacts{Code: "c", Pool: "yuan-100", Value: 10_000, State: state},
		}
		if effects := ask(t, mechanic, core.HookQuote, facts); len(effects) != 1 || effects[0].Name != "voucher_not_valid" {
			t.Errorf("%q: %v", state, effects)
		}
	}
}

// TestStarbucksOnceIsAskedForWithTheDiscount: what a shopper may have once is a claim of the same order, not a fact that two
// orders could read at the same time.
func TestStarbucksOnceIsAskedForWithTheDiscount(t *testing.T) {
	facts := &core.Facts{
		Item: core.ItemFacts{SKU: "phone", Price: 199_900}, Quantity: 1, Reservation: core.ReservationFacts{At: 1, Position: 1},
		Shares: core.SharesFacts{Reposts: 9, Visitors: 99}, Shopper: core.ShopperFacts{ID: "al", Orders: 3},
	}
	for name, config := range map[string]core.Object{
		"seckill": {"price": int64(99_900)}, "repost-discount": {}, "group-buy": {"price": int64(149_900)},
	} {
		if effects := ask(t, bind(t, name, config), core.HookQuote, facts); !has(effects, core.EffectOnce) {
			t.Errorf("%s: %v", name, effects)
		}
	}
}

// TestRepricerABlankMinimumDoesNotSellForAPenny: in 2014 a price that was left blank sold thousands of items for a penny.
// Each rule that knows a price is bound with it left out, and none sells for less.
func TestRepricerABlankMinimumDoesNotSellForAPenny(t *testing.T) {
	facts := &core.Facts{
		Now: 10, Item: core.ItemFacts{SKU: "phone", Price: 199_900}, Quantity: 2, Reservation: core.ReservationFacts{At: 1, Position: 1},
		Shopper: core.ShopperFacts{ID: "al", Tier: "gold"}, Shares: core.SharesFacts{Reposts: 9, Visitors: 99},
		Quota: map[string]int64{"early-bird-1": 9, "early-bird-2": 9, "early-bird-3": 9},
		Input: core.Object{"trade_in": core.Object{"brand": "Xiaomi", "model": "2S", "condition": "good"}},
	}
	for name, blanks := range map[string][]core.Object{
		"seckill":          {{}, {"price": int64(0)}},
		"group-buy":        {{}, {"price": int64(0)}},
		"deposit":          {{}, {"amount": int64(0)}, {"amount": int64(1), "credit": int64(199_900)}},
		"member-exclusive": {{}, {"prices": []any{int64(0), int64(0)}}, {"prices": []any{}}},
		"early-bird":       {{}, {"prices": []any{}}},
		"bundle":           {{"mode": "gift"}, {"mode": "gift", "gift": "phone"}, {"n": int64(1)}},
		"trade-in":         {{"models": []any{"Xiaomi 2S"}}, {"conditions": []any{"good"}}},
		"repost-discount": {
			{"reposts": []any{}}, {"amounts": []any{}},
			{"reposts": []any{int64(0)}, "visitors": []any{int64(0)}, "amounts": []any{int64(199_899)}},
		},
		"one-cent-voucher": {{"sku": ""}},
	} {
		for _, config := range blanks {
			for _, e := range ask(t, bind(t, name, config), core.HookQuote, facts) {
				if !slices.Contains([]core.EffectKind{core.EffectDeny, core.EffectOnce}, e.Kind) {
					t.Errorf("%s with %v asks for %+v", name, config, e)
				}
			}
		}
	}
}

// TestRepricerNoPriceOfZeroCanBeConfigured: where 0 does not mean "none", a binding cannot say it.
func TestRepricerNoPriceOfZeroCanBeConfigured(t *testing.T) {
	zeros := []any{int64(0)}
	for name, config := range map[string]core.Object{
		"early-bird": {"prices": zeros}, "trade-in": {"amount": int64(0)}, "repost-discount": {"amounts": zeros},
		"one-cent-voucher": {"price": int64(0)},
	} {
		if _, err := library.Compile(name, config); err == nil {
			t.Errorf("%s takes %v", name, config)
		}
	}
	for name, config := range map[string]core.Object{"seckill": {"price": int64(-1)}, "group-buy": {"price": int64(-1)}} {
		if _, err := library.Compile(name, config); err == nil {
			t.Errorf("%s takes %v", name, config)
		}
	}
}

// TestRepricerWhateverABindingSaysPricesStayPrices draws configs within their types and facts of all sizes: no shipped
// rule asks for what core would refuse, for a price of nothing or above the list price, or for a deposit that is the price.
func TestRepricerWhateverABindingSaysPricesStayPrices(t *testing.T) {
	for _, name := range library.Names() {
		t.Run(name, func(t *testing.T) {
			entry, err := library.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			manifest := entry.Rule.Manifest()
			rapid.Check(t, func(t *rapid.T) {
				config := drawnConfig(t, manifest.Config)
				mechanic, facts := bind(t, name, config), drawnFacts(t)
				meet(t, facts, config)
				for _, hook := range manifest.Hooks {
					effects, _, err := mechanic.Decide(hook, facts, nil)
					if failure, ok := errors.AsType[*core.MechanicError](err); ok && failure.Code == "overflow" {
						continue // nothing is sold at a price beyond 64 bits
					}
					if err != nil {
						t.Fatalf("%v: %v", config, err)
					}
					if err := core.JudgeEffects(hook, effects); err != nil {
						t.Fatalf("%v: %v: %+v", config, err, effects)
					}
					checkMoney(t, facts, effects)
				}
			})
		})
	}
}

func checkMoney(t *rapid.T, facts *core.Facts, effects []core.Effect) {
	for _, e := range effects {
		wrong := false
		switch e.Kind {
		case core.EffectPrice:
			wrong = e.Amount > facts.Item.Price || (e.Amount <= 0 && facts.Item.Price > 0)
		case core.EffectGroup:
			wrong = e.Amount <= 0 || e.Amount >= facts.Item.Price || e.Units < 2 || e.Seconds <= 0
		case core.EffectDeposit:
			wrong = e.Amount <= 0 || e.Credit < e.Amount || e.Credit >= facts.Item.Price*facts.Quantity
		case core.EffectDiscount, core.EffectEnter, core.EffectGrant, core.EffectTake:
			wrong = e.Amount < 0 || e.Units < 0
		}
		if wrong {
			t.Fatalf("an item of %d, %d of it: %+v", facts.Item.Price, facts.Quantity, e)
		}
	}
}

// words are those that configs and facts draw from, so that they meet.
func words() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"", "phone", "code", "gold", "silver", "Xiaomi", "2S", "Xiaomi 2S", "good", "pool", "order", "granted", "小米"})
}

func drawnConfig(t *rapid.T, params map[string]core.Param) core.Object {
	config := core.Object{}
	length := rapid.IntRange(0, 4).Draw(t, "length") // of most lists: they belong together
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if param := params[name]; param.Type == "list" || param.Default == nil || rapid.Bool().Draw(t, "set "+name) {
			config[name] = drawnValue(t, name, param, length)
		}
	}
	return config
}

func drawnValue(t *rapid.T, name string, param core.Param, length int) any {
	integer := func() any {
		least, most := int64(math.MinInt32), int64(math.MaxInt64)
		if param.Min != nil {
			least = *param.Min
		}
		if param.Max != nil {
			most = *param.Max
		}
		return rapid.OneOf(rapid.Int64Range(least, min(most, least+4)), rapid.Int64Range(least, most)).Draw(t, name)
	}
	word := func() any {
		if len(param.Values) > 0 {
			return rapid.SampledFrom(param.Values).Draw(t, name)
		}
		return words().Draw(t, name)
	}
	kind := param.Type
	list := make([]any, 0, 4)
	if kind == "list" {
		if rapid.IntRange(0, 7).Draw(t, "too short "+name) == 7 {
			length /= 2
		}
		for range length {
			if param.Of == "integer" {
				list = append(list, integer())
			} else {
				list = append(list, word())
			}
		}
		return list
	}
	switch kind {
	case "integer":
		return integer()
	case "boolean":
		return rapid.Bool().Draw(t, name)
	default:
		return word()
	}
}

// meet makes the facts touch what the binding says: its item, its tier, and a price at or beside one of its amounts.
func meet(t *rapid.T, facts *core.Facts, config core.Object) {
	if sku, ok := config["sku"].(string); ok && rapid.Bool().Draw(t, "its item") {
		facts.Item.SKU = sku
	}
	if tiers, ok := config["tiers"].([]any); ok && len(tiers) > 0 {
		facts.Shopper.Tier, _ = tiers[0].(string)
	}
	amounts := []int64{facts.Item.Price}
	for _, name := range slices.Sorted(maps.Keys(config)) {
		switch v := config[name].(type) {
		case int64:
			amounts = append(amounts, v)
		case []any:
			for _, element := range v {
				if n, ok := element.(int64); ok {
					amounts = append(amounts, n)
				}
			}
		}
	}
	price := rapid.SampledFrom(amounts).Draw(t, "its amount")
	if price < core.MaxAmount && rapid.Bool().Draw(t, "at its amount") {
		facts.Item.Price = max(0, price+rapid.Int64Range(-1, 1).Draw(t, "beside it"))
	}
}

func drawnFacts(t *rapid.T) *core.Facts {
	count := rapid.OneOf(rapid.Int64Range(0, 4), rapid.Int64Range(0, core.MaxUnits))
	amount := rapid.OneOf(rapid.Int64Range(0, 4), rapid.Int64Range(0, core.MaxAmount))
	word := func(label string) string { return words().Draw(t, label) }
	return &core.Facts{
		Now:         rapid.Int64Range(0, 1<<41).Draw(t, "now"),
		Campaign:    core.CampaignFacts{Phase: rapid.SampledFrom([]string{"reservation", "sale"}).Draw(t, "phase"), SaleOpens: 1 << 40},
		Item:        core.ItemFacts{SKU: word("sku"), Price: amount.Draw(t, "price")},
		Quantity:    rapid.Int64Range(1, 100).Draw(t, "quantity"),
		Shopper:     core.ShopperFacts{ID: word("shopper"), Tier: word("tier")},
		Reservation: core.ReservationFacts{At: count.Draw(t, "reserved")},
		Shares: core.SharesFacts{
			Reposts: count.Draw(t, "reposts"), Visitors: count.Draw(t, "visitors"), Reservations: count.Draw(t, "reservations"),
			Counted: rapid.SampledFrom([]string{"", "repost", "visitor", "reservation"}).Draw(t, "counted"),
		},
		Voucher: core.VoucherFacts{Code: word("code"), Pool: word("pool"), State: word("state"), Value: amount.Draw(t, "value")},
		Group:   core.GroupFacts{ID: word("group"), Leader: word("leader"), Size: 3, Joined: rapid.Int64Range(0, 3).Draw(t, "joined"), ClosesAt: 1 << 40},
		Quota: map[string]int64{
			"early-bird-1": count.Draw(t, "left"), "early-bird-2": count.Draw(t, "left"), "early-bird-3": count.Draw(t, "left"),
		},
		Order:   core.OrderFacts{ID: word("order"), SKU: word("ordered"), State: rapid.SampledFrom([]string{"placed", "shipped", "odd"}).Draw(t, "state")},
		Message: core.MessageFacts{Text: word("text")},
		Input: core.Object{"trade_in": core.Object{
			"brand": word("brand"), "model": word("model"), "condition": word("condition"),
		}},
	}
}
