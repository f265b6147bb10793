package rules_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"hotdrop/core"
	"hotdrop/rules"
)

func TestExpressionsEvaluate(t *testing.T) {
	for _, group := range []struct {
		name  string
		cases [][2]string // expression, JSON of its value
	}{
		{"literals", [][2]string{
			{"7", "7"}, {"-7", "-7"}, {"+7", "7"}, {"1_000", "1000"}, {"0x10", "16"}, {`"a\"b"`, `"a\"b"`}, {"'x'", `"x"`},
			{"true", "true"}, {"9223372036854775807", "9223372036854775807"},
		}},
		{"facts", [][2]string{
			{"item.price", "179900"}, {"item.sku", `"mx3"`}, {"quantity", "2"}, {"now", "1356062400000"},
			{`quota["trade-in"]`, "7"}, {"quota.other", "0"}, {"shopper.tags[0]", `"vip"`}, {"shopper.tags[-1]", `"beta"`},
			{"input.trade_in.brand", `"Xiaomi"`}, {`input["trade_in"].fair`, "true"}, {"input?.dealer", "4"},
			{"item?.price", "179900"},
		}},
		{"config", [][2]string{
			{"config.amount", "50000"}, {"config.name", `"mx3"`}, {"config.open", "true"}, {"config.tiers[1]", "20"},
			{"len(config.brands)", "2"},
		}},
		{"arithmetic", [][2]string{
			{"1 + 2 * 3", "7"}, {"(1 + 2) * 3", "9"}, {"7 - 10", "-3"}, {"-7 % 3", "-1"}, {"7 % -3", "1"}, {"-(item.left)", "-10"},
			{"div(7, 2)", "3"}, {"div(-7, 2)", "-3"}, {"percent(item.price, 1000)", "17990"}, {"percent(5, 1000)", "1"},
			{"min(3, 1, 2)", "1"}, {"max(3, 1, 2)", "3"}, {"max(item.left)", "10"}, {"abs(-3)", "3"}, {"abs(3)", "3"},
			{"input.dealer * 2", "8"}, {"input.dealer + input.dealer", "8"},
		}},
		{"strings", [][2]string{
			{`"a" + "b"`, `"ab"`}, {`input.note + "!"`, `"hi!"`}, {"input.note + input.note", `"hihi"`},
			{"upper(item.sku)", `"MX3"`}, {`lower("ÄB")`, `"äb"`}, {`trim("  x ")`, `"x"`}, {`len("小米")`, "2"},
			{"string(item.price)", `"179900"`}, {"string(true)", `"true"`}, {"string(input.note)", `"hi"`},
			{`item.sku contains "x"`, "true"}, {`item.sku startsWith "mx"`, "true"}, {`item.sku endsWith "mx"`, "false"},
			{`item.sku not contains "q"`, "true"}, {`item.sku matches "^mx[0-9]$"`, "true"}, {`"a" < "b"`, "true"},
			{`input.note >= "hi"`, "true"},
		}},
		{"logic", [][2]string{
			{"true && false", "false"}, {"true and not false", "true"}, {"false || true", "true"}, {"!config.open", "false"},
			{"1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3", "true"}, {"1 < 2 < 3", "true"}, {"1 == 1", "true"}, {"1 != 1", "false"},
			{"config.open ? 1 : 2", "1"}, {"if config.open { 1 } else { 2 }", "1"}, {"config.open == true", "true"},
			{"input.trade_in.fair && true", "true"}, {"input.one == input.trade_in.fair", "false"}, {"input.one == input.one", "true"},
			{`input.one == input.note`, "false"}, {"input.note != input.one", "true"},
		}},
		{"lists", [][2]string{
			{"item.sku in [\"mx2\", \"mx3\"]", "true"}, {"2 in config.tiers", "false"}, {"20 in config.tiers", "true"},
			{`"vip" in shopper.tags`, "true"}, {"input.dealer in [4, 5]", "true"}, {"input.dealer not in [4, 5]", "false"},
			{`3 in []`, "false"}, {"[1, 2, 3][2]", "3"}, {`all(shopper.tags, # != "x")`, "true"},
			{`any(shopper.tags, # == "beta")`, "true"}, {`none(shopper.tags, # startsWith "v")`, "false"},
			{`one(shopper.tags, len(#) == 3)`, "true"}, {"count(config.tiers, # > 10)", "2"}, {"count([true, false])", "1"},
			{"sum(config.tiers)", "60"}, {"sum(config.tiers, # * 2)", "120"}, {"sum(filter(config.tiers, # > 10))", "50"},
			{"map(config.tiers, # + 1)[0]", "11"}, {"sum(config.tiers, #index)", "3"}, {"len(filter(config.tiers, false))", "0"},
			{"config.tiers | filter(# > 10) | sum()", "50"}, {"all([], false)", "true"},
			{"any(config.tiers, {let x = #; any(config.tiers, # == x * 3)})", "true"},
			{`all(config.brands, any(config.brands, # == "Xiaomi"))`, "true"},
		}},
		{"variables", [][2]string{
			{"let x = 2; x * x", "4"}, {"let x = 2; let y = x + 1; x * y", "6"},
			{"let x = 10; count(config.tiers, # > x) + x", "12"},
			{"sum(config.tiers, {let d = # * 2; d + 1})", "123"},
			{"let t = config.tiers; t[0]", "10"},
		}},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				if got := evaluate(t, c[0], testFacts()); got != c[1] {
					t.Errorf("%s = %s, want %s", c[0], got, c[1])
				}
			}
		})
	}
}

func TestWhatIsAbsentReadsAsTheZeroOfThePlace(t *testing.T) {
	for expression, want := range map[string]string{
		"input.trade_in.brand in config.brands":      "false",
		"input.trade_in.brand not in config.brands":  "true",
		`input.trade_in.brand == ""`:                 "true",
		`input.trade_in.brand == nil`:                "true",
		`nil != input.trade_in.brand`:                "false",
		`input.note == input.other`:                  "true",
		`input.note == "x"`:                          "false",
		`input.note in ["", "x"]`:                    "false",
		"input.dealer == 0":                          "true",
		"input.fair == false":                        "true",
		"input.fair":                                 `""`,
		"input.fair || false":                        "false",
		"input.dealer + 1":                           "1",
		"input.dealer + input.note":                  "0",
		`input.note + "x"`:                           `"x"`,
		"input.dealer < 1":                           "true",
		`input.note < "a"`:                           "true",
		"len(input.note)":                            "0",
		`input.note ?? "none"`:                       `"none"`,
		"(input.dealer ?? 5) + 1":                    "6",
		"input.a.b?.c ?? 1":                          "", // no such depth
		"reservation.at":                             "0",
		"reservation.at == nil":                      "true",
		"item.price == nil":                          "false", // every decision has an item
		"voucher.code":                               `""`,
		"quota.any":                                  "0",
		`voucher.code == ""`:                         "true",
		"shopper.tags == nil":                        "", // lists are not compared
		"len(shopper.tags)":                          "0",
		"count(shopper.tags, true)":                  "0",
		`string(input.dealer) + string(order.total)`: `"0"`,
		`item.sku in shopper.tags`:                   "false",
	} {
		if want == "" {
			problemsOf(t, ruleOf(t, testConfig, expression), nil)
			continue
		}
		if got := evaluate(t, expression, &core.Facts{}); got != want {
			t.Errorf("%s = %s, want %s", expression, got, want)
		}
	}
}

func TestADecisionFailsWithACode(t *testing.T) {
	for expression, want := range map[string]string{
		"item.price + 9223372036854775807":           "overflow",
		"item.price * 9223372036854775807":           "overflow",
		"-9223372036854775807 - item.price":          "overflow",
		"-input.least":                               "overflow",
		"abs(input.least)":                           "overflow",
		"div(input.least, -1)":                       "overflow",
		"input.least % -1":                           "0", // not an overflow: the remainder is 0
		"percent(item.price, 9223372036854775807)":   "overflow",
		"sum([9223372036854775807, item.price])":     "overflow",
		"sum(config.tiers, # * input.least)":         "overflow",
		"div(item.price, config.zero)":               "division_by_zero",
		"item.price % config.zero":                   "division_by_zero",
		"shopper.tags[2]":                            "failed",
		"shopper.tags[-3]":                           "failed",
		"input.note + 1":                             "failed",
		"input.note * 1":                             "failed",
		"input.note + input.dealer":                  "failed",
		"input.note && true":                         "failed",
		"input.dealer startsWith \"4\"":              "failed",
		"input.note < 5":                             "failed",
		"input.trade_in == nil":                      "failed", // a group of inputs is not a value
		"false && div(1, config.zero) == 1":          "false",  // what does not run does not fail
		"config.zero == 0 ? 0 : div(1, config.zero)": "0",
	} {
		if got := evaluate(t, expression, testFacts()); got != want {
			t.Errorf("%s: %s, want %s", expression, got, want)
		}
	}
}

// TestRulesSeeWhatPluginsSee: every path of the vocabulary reads as core.Facts.Lookup answers, which plugins are given.
func TestRulesSeeWhatPluginsSee(t *testing.T) {
	facts := testFacts()
	facts.Reservation = core.ReservationFacts{At: 5, Position: 6}
	facts.Voucher = core.VoucherFacts{Code: "c", Pool: "p", Value: 7, State: "s"}
	facts.Group = core.GroupFacts{ID: "g", Size: 3, Joined: 2, ClosesAt: 9, Leader: "l"}
	facts.Order = core.OrderFacts{
		ID: "o", SKU: "k", Total: 11, PaidAt: 12, State: "paid", Carrier: "c", Tracking: "t",
	}
	facts.Shares.Counted = "repost"
	facts.Message.Text = "hello"
	paths := append(core.FactPaths(), "quota.trade-in", "quota.none", "input.dealer", "input.trade_in.brand", "input.none")
	for _, path := range paths {
		want := facts.Lookup(path)
		expression := bracketed(path)
		if want.Kind == core.ValueList {
			expression, want = expression+"[1]", want.At(1)
		}
		var wantJSON any = want.Str
		switch {
		case want.Kind == core.ValueInteger || path == "quota.none":
			wantJSON = want.Int
		case want.Kind == core.ValueBoolean:
			wantJSON = want.Int != 0
		}
		encoded, err := json.Marshal(wantJSON)
		if err != nil {
			t.Fatal(err)
		}
		if got := evaluate(t, expression, facts); got != string(encoded) {
			t.Errorf("%s = %s, plugins see %s", expression, got, encoded)
		}
	}
}

// bracketed writes quota.trade-in as quota["trade-in"].
func bracketed(path string) string {
	if path == "quota.trade-in" {
		return `quota["trade-in"]`
	}
	return path
}

func TestUndeclaredFactsChangeNothing(t *testing.T) {
	mechanic := mustCompile(t, `
rule: narrow
hook: quote
when: item.price > 100 && "vip" in shopper.tags && quota.a > 0
then: [{discount: {amount: quantity * 10}}]
`, nil)
	want := []string{"item.price", "quantity", "quota.a", "shopper.tags"}
	if got := mechanic.Manifest().Facts; !reflect.DeepEqual(got, want) {
		t.Fatalf("it reads %v, want %v", got, want)
	}
	narrow := &core.Facts{
		Quantity: 2, Item: core.ItemFacts{Price: 101}, Quota: map[string]int64{"a": 1},
		Shopper: core.ShopperFacts{Tags: []string{"vip"}},
	}
	wide := testFacts()
	wide.Item.Price, wide.Quota["a"] = 101, 1
	fromNarrow, _ := decide(t, mechanic, narrow)
	fromWide, _ := decide(t, mechanic, wide)
	if len(fromNarrow) != 1 || !reflect.DeepEqual(fromNarrow, fromWide) {
		t.Fatalf("other facts changed %v to %v", fromNarrow, fromWide)
	}
}

func TestTheClauseIsTheOneThatWasFalseAsItWasWritten(t *testing.T) {
	for _, c := range []struct{ when, clause string }{
		{`item.sku == "mx3" && quantity == 1`, "quantity == 1"},
		{`quantity == 1 and item.sku == "x"`, "quantity == 1"},
		{`(quantity == 2 && item.left > 5) && (quantity > 2 ||   item.left  == 0)`, "(quantity > 2 || item.left == 0)"},
		{`quantity == 2 && !("vip" in shopper.tags) && false`, `!("vip" in shopper.tags)`},
		{`quantity == 1 || quantity == 3`, "quantity == 1 || quantity == 3"},
		{`quantity == 2 && quantity == 1 || false`, "quantity == 2 && quantity == 1 || false"},
		{`quantity == 2 && 3 < quantity < 5`, "3 < quantity < 5"},
		{`let x = quantity; x == 2 && x == 3`, "let x = quantity; x == 2 && x == 3"},
		{`"小米 && 魅族" == "" && true`, `"小米 && 魅族" == ""`},
		{"quantity == 2 &&\n  item.sku ==\n  \"x\"", `item.sku == "x"`},
		{`quantity == 2 && any(shopper.tags, # == "a" && true)`, `any(shopper.tags, # == "a" && true)`},
		{`quantity == 2 && quantity == 2 ? false : true`, `quantity == 2 && quantity == 2 ? false : true`},
		{`quantity == 2 && item.sku == "mx3"`, ""},
	} {
		when, err := json.Marshal(c.when)
		if err != nil {
			t.Fatal(err)
		}
		raw := `{"rule":"test","hook":"quote","when":` + string(when) + `,"then":[{"once":{"key":"k"}}]}`
		mechanic, err := rules.CompileJSON(json.RawMessage(raw), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, clause := decide(t, mechanic, testFacts()); clause != c.clause {
			t.Errorf("%s: the clause is %q, want %q", c.when, clause, c.clause)
		}
	}
}
