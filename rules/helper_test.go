package rules_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hotdrop/core"
	"hotdrop/rules"
)

// failer is what tests and property tests have in common.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// ruleOf returns a rule that asks for a duty whose data holds the value of the expression.
func ruleOf(t failer, config, expression string) json.RawMessage {
	t.Helper()
	quoted, err := json.Marshal(expression)
	if err != nil {
		t.Fatal(err)
	}
	return json.RawMessage(fmt.Sprintf(
		`{"rule":"test","hook":"quote","config":%s,"then":[{"oblige":{"kind":"value","data":{"v":%s}}}]}`, config, quoted))
}

// testConfig is the config that expressions of tests may read.
const testConfig = `{
	"amount": {"type": "integer", "default": 50000},
	"zero": {"type": "integer", "default": 0},
	"name": {"type": "string", "default": "mx3"},
	"open": {"type": "boolean", "default": true},
	"brands": {"type": "list", "of": "string", "default": ["Samsung", "Xiaomi"]},
	"tiers": {"type": "list", "of": "integer", "default": [10, 20, 30]}
}`

// testFacts are facts with something in every block that tests read.
func testFacts() *core.Facts {
	return &core.Facts{
		Now:      1_356_062_400_000,
		Campaign: core.CampaignFacts{ID: "phone", Currency: "CNY"},
		Item:     core.ItemFacts{SKU: "mx3", Price: 179_900, Stock: 2099, Left: 10},
		Quantity: 2,
		Shopper:  core.ShopperFacts{ID: "s1", Tier: "gold", Tags: []string{"vip", "beta"}},
		Quota:    map[string]int64{"trade-in": 7},
		Input: core.Object{
			"trade_in": core.Object{"brand": "Xiaomi", "fair": true},
			"dealer":   int64(4), "note": "hi", "one": int64(1), "least": int64(-1 << 63),
		},
	}
}

// evaluate returns the JSON of the expression's value, or the code of the failure, for the facts.
func evaluate(t failer, expression string, facts *core.Facts) string {
	t.Helper()
	mechanic, err := rules.CompileJSON(ruleOf(t, testConfig, expression), nil)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	effects, _, err := mechanic.Decide(core.HookQuote, facts, nil)
	if failure, ok := errors.AsType[*core.MechanicError](err); ok {
		return failure.Code
	}
	if err != nil {
		t.Fatalf("%s: %v is not a failure of a mechanic", expression, err)
	}
	value, ok := strings.CutPrefix(effects[0].Data, `{"v":`)
	if !ok {
		t.Fatalf("%s: data is %s", expression, effects[0].Data)
	}
	return strings.TrimSuffix(value, "}")
}

// problemsOf returns the problems of the rule, which must have some.
func problemsOf(t failer, raw json.RawMessage, config core.Object) []core.Problem {
	t.Helper()
	mechanic, err := rules.CompileJSON(raw, config)
	problems, ok := errors.AsType[*core.Problems](err)
	if !ok || mechanic != nil {
		t.Fatalf("%.200s: got %v, %v, want problems", raw, mechanic, err)
	}
	return problems.List
}

// mustCompile compiles a rule file with a config.
func mustCompile(t failer, file string, config core.Object) core.Mechanic {
	t.Helper()
	rule, err := rules.Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	mechanic, err := rule.Compile(config)
	if err != nil {
		t.Fatal(err)
	}
	return mechanic
}

// decide returns the effects and the clause, and fails if the mechanic did.
func decide(t failer, mechanic core.Mechanic, facts *core.Facts) (effects []core.Effect, clause string) {
	t.Helper()
	effects, usage, err := mechanic.Decide(mechanic.Manifest().Hooks[0], facts, nil)
	if err != nil {
		t.Fatal(err)
	}
	return effects, usage.Clause
}

// has reports whether one of the problems has the path and contains the words.
func has(problems []core.Problem, path, words string) bool {
	return slices.ContainsFunc(problems, func(p core.Problem) bool {
		return p.Path == path && strings.Contains(p.String(), words)
	})
}
