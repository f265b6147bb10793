package rules_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/expr-lang/expr"
	"pgregory.net/rapid"

	"hotdrop/core"
	"hotdrop/rules"
	"hotdrop/rules/library"
)

// grammar draws expressions of a type, and so of the part of the language that rules share with expr.
type grammar struct{ *rapid.T }

func (g grammar) pick(label string, options ...func() string) string {
	return options[rapid.IntRange(0, len(options)-1).Draw(g.T, label)]()
}

func (g grammar) constant(options ...string) string {
	return rapid.SampledFrom(options).Draw(g.T, "leaf")
}

func (g grammar) integer(depth int) string {
	leaf := func() string {
		return g.constant("0", "1", "7", "-3", "item.left", "quantity", "config.amount", "reservation.position",
			`quota["trade-in"]`, "config.tiers[0]", "len(shopper.tags)")
	}
	if depth == 0 {
		return leaf()
	}
	operator := func() string {
		op := rapid.SampledFrom([]string{"+", "-", "*"}).Draw(g.T, "operator")
		return fmt.Sprintf("(%s %s %s)", g.integer(depth-1), op, g.integer(depth-1))
	}
	return g.pick("integer", leaf, operator, operator,
		func() string { return "-(" + g.integer(depth-1) + ")" },
		func() string { return "(" + g.integer(depth-1) + " % 7)" },
		func() string { return "max(" + g.integer(depth-1) + ", " + g.integer(depth-1) + ")" },
		func() string { return "abs(" + g.integer(depth-1) + ")" },
		func() string { return "len(" + g.text(depth-1) + ")" },
		func() string { return "sum(" + g.list() + ", # + " + g.integer(0) + ")" },
		func() string { return "count(" + g.list() + ", # > " + g.integer(0) + ")" },
		func() string { return "len(filter(" + g.list() + ", # != " + g.integer(0) + "))" },
		func() string { return "sum(map(" + g.list() + ", # * 2 + #index))" },
		func() string { return "max(map(config.tiers, # * " + g.integer(0) + "))" },
		func() string { return "min([" + g.integer(0) + ", " + g.integer(0) + "])" },
		func() string { return "(findIndex(" + g.list() + ", # > " + g.integer(0) + ") ?? -1)" },
		func() string {
			return "(" + g.boolean(depth-1) + " ? " + g.integer(depth-1) + " : " + g.integer(depth-1) + ")"
		},
		func() string { return "(let v = " + g.integer(depth-1) + "; v + v)" },
	)
}

func (g grammar) list() string {
	return g.constant("[1, 2, 3]", "[]", "config.tiers", "[item.left, quantity]")
}

func (g grammar) text(depth int) string {
	leaf := func() string {
		return g.constant(`""`, `"a"`, `"小米"`, "item.sku", "shopper.tier", "config.name", "shopper.tags[0]", "voucher.code")
	}
	if depth == 0 {
		return leaf()
	}
	return g.pick("text", leaf,
		func() string { return "(" + g.text(depth-1) + " + " + g.text(depth-1) + ")" },
		func() string { return "upper(" + g.text(depth-1) + ")" },
		func() string { return "trim(lower(" + g.text(depth-1) + "))" },
		func() string { return "string(" + g.integer(depth-1) + ")" },
	)
}

func (g grammar) boolean(depth int) string {
	leaf := func() string { return g.constant("true", "false", "config.open") }
	if depth == 0 {
		return leaf()
	}
	compared := func() string {
		op := rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">="}).Draw(g.T, "comparison")
		return fmt.Sprintf("(%s %s %s)", g.integer(depth-1), op, g.integer(depth-1))
	}
	return g.pick("boolean", leaf, compared, compared,
		func() string { return "(" + g.boolean(depth-1) + " && " + g.boolean(depth-1) + ")" },
		func() string { return "(" + g.boolean(depth-1) + " or " + g.boolean(depth-1) + ")" },
		func() string { return "not (" + g.boolean(depth-1) + ")" },
		func() string { return "(" + g.text(depth-1) + " < " + g.text(depth-1) + ")" },
		func() string { return "(" + g.text(depth-1) + " == " + g.text(depth-1) + ")" },
		func() string { return "(" + g.text(depth-1) + " contains " + g.text(depth-1) + ")" },
		func() string { return "(" + g.text(depth-1) + " not startsWith " + g.text(0) + ")" },
		func() string { return "(" + g.integer(depth-1) + " in " + g.list() + ")" },
		func() string { return "(" + g.text(depth-1) + " in shopper.tags)" },
		func() string { return "any(" + g.list() + ", # > " + g.integer(0) + ")" },
		func() string { return "all(" + g.list() + ", {let e = #; one(" + g.list() + ", # == e)})" },
		func() string { return "none(shopper.tags, # == " + g.text(0) + ")" },
	)
}

// TestRulesAgreeWithExpr: on what both languages have, the values are expr's.
func TestRulesAgreeWithExpr(t *testing.T) {
	facts := testFacts()
	facts.Config = core.Object{
		"amount": int64(50000), "zero": int64(0), "name": "mx3", "open": true,
		"brands": []any{"Samsung", "Xiaomi"}, "tiers": []any{int64(10), int64(20), int64(30)},
	}
	rapid.Check(t, func(t *rapid.T) {
		g := grammar{t}
		expression := g.pick("type",
			func() string { return g.integer(4) }, func() string { return g.text(3) }, func() string { return g.boolean(4) })
		mechanic, err := rules.CompileJSON(ruleOf(t, testConfig, expression), nil)
		if problems, ok := errors.AsType[*core.Problems](err); ok && tooLarge(problems) {
			t.Skip("the expression is beyond a bound")
		}
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		effects, _, err := mechanic.Decide(core.HookQuote, facts, nil)
		if err != nil {
			t.Skip("an overflow: expr would wrap")
		}
		program, err := expr.Compile(expression, expr.Env(core.Facts{}))
		if err != nil {
			t.Fatalf("%s: expr refuses it: %v", expression, err)
		}
		value, err := expr.Run(program, *facts)
		if err != nil && strings.Contains(err.Error(), "interface conversion") {
			t.Skip("expr takes max and min of integers of two sizes for an int, and panics when that is compared")
		}
		if err != nil {
			t.Fatalf("%s: expr fails: %v", expression, err)
		}
		want, err := json.Marshal(map[string]any{"v": value})
		if err != nil {
			t.Fatal(err)
		}
		if effects[0].Data != string(want) {
			t.Fatalf("%s: rules %s, expr %s", expression, effects[0].Data, want)
		}
	})
}

func tooLarge(problems *core.Problems) bool {
	return has(problems.List, "rule.then[0].oblige.data.v", "nodes") ||
		has(problems.List, "rule.then[0].oblige.data.v", "steps") ||
		has(problems.List, "rule.then[0].oblige.data.v", "nested") ||
		has(problems.List, "rule.then[0].oblige.data.v", "64 bits")
}

// TestArithmeticIsExactOrFails: whatever the operands, the value is that of unbounded integers, or the decision fails.
func TestArithmeticIsExactOrFails(t *testing.T) {
	mechanics := map[string]core.Mechanic{}
	exact := map[string]func(a, b *big.Int) *big.Int{
		"input.a + input.b": func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) },
		"input.a - input.b": func(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) },
		"input.a * input.b": func(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) },
		"input.a % input.b": func(a, b *big.Int) *big.Int { return new(big.Int).Rem(a, b) },
		"-input.a":          func(a, _ *big.Int) *big.Int { return new(big.Int).Neg(a) },
		"abs(input.a)":      func(a, _ *big.Int) *big.Int { return new(big.Int).Abs(a) },
		"div(input.a, input.b)": func(a, b *big.Int) *big.Int {
			return new(big.Int).Quo(a, b)
		},
		"sum([input.a, input.b], #)": func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) },
	}
	for expression := range exact {
		mechanic, err := rules.CompileJSON(ruleOf(t, "{}", expression), nil)
		if err != nil {
			t.Fatal(err)
		}
		mechanics[expression] = mechanic
	}
	operand := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3, 3), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64}))
	rapid.Check(t, func(t *rapid.T) {
		a, b := operand.Draw(t, "a"), operand.Draw(t, "b")
		for expression, mechanic := range mechanics {
			got := outcomeOf(t, mechanic, &core.Facts{Input: core.Object{"a": a, "b": b}})
			if want := wanted(exact[expression], expression, a, b); got != want {
				t.Fatalf("%s of %d and %d: %s, want %s", expression, a, b, got, want)
			}
		}
	})
}

// outcomeOf returns the data of the only effect, or the code of the failure.
func outcomeOf(t failer, mechanic core.Mechanic, facts *core.Facts) string {
	effects, _, err := mechanic.Decide(core.HookQuote, facts, nil)
	if failure, ok := errors.AsType[*core.MechanicError](err); ok {
		return failure.Code
	}
	if err != nil || len(effects) != 1 {
		t.Fatalf("got %v, %v", effects, err)
	}
	return effects[0].Data
}

// wanted returns what outcomeOf must be for exact arithmetic.
func wanted(exact func(a, b *big.Int) *big.Int, expression string, a, b int64) string {
	if divides := strings.Contains(expression, "%") || strings.Contains(expression, "div"); divides && b == 0 {
		return "division_by_zero"
	}
	n := exact(big.NewInt(a), big.NewInt(b))
	if !n.IsInt64() {
		return "overflow"
	}
	return `{"v":` + n.String() + `}`
}

// anything draws values an object may hold, and some that none should.
func anything() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		switch rapid.IntRange(0, 7).Draw(t, "kind") {
		case 0:
			return rapid.Int64().Draw(t, "integer")
		case 1:
			return rapid.Bool().Draw(t, "boolean")
		case 2:
			return []any{rapid.String().Draw(t, "element"), int64(1)}
		case 3:
			return core.Object{"x": rapid.String().Draw(t, "nested")}
		case 4:
			return nil
		case 5:
			return 1.5
		default:
			return rapid.String().Draw(t, "string")
		}
	})
}

func drawFacts(t *rapid.T) *core.Facts {
	number, word := rapid.Int64(), rapid.String()
	return &core.Facts{
		Now:         number.Draw(t, "now"),
		Item:        core.ItemFacts{SKU: word.Draw(t, "sku"), Price: number.Draw(t, "price"), Left: number.Draw(t, "left")},
		Quantity:    number.Draw(t, "quantity"),
		Shopper:     core.ShopperFacts{Tier: word.Draw(t, "tier"), Tags: rapid.SliceOf(word).Draw(t, "tags")},
		Reservation: core.ReservationFacts{At: number.Draw(t, "at"), Position: number.Draw(t, "position")},
		Voucher:     core.VoucherFacts{Code: word.Draw(t, "code"), Value: number.Draw(t, "value")},
		Quota:       rapid.MapOf(rapid.SampledFrom([]string{"a", "b"}), number).Draw(t, "quota"),
		Message:     core.MessageFacts{Text: word.Draw(t, "text")},
		Input: rapid.Custom(func(t *rapid.T) core.Object {
			return core.Object{
				"a": anything().Draw(t, "a"), "b": anything().Draw(t, "b"),
				"trade_in": core.Object{"brand": anything().Draw(t, "brand"), "model": anything().Draw(t, "model")},
			}
		}).Draw(t, "input"),
	}
}

// everything uses every operator and function on what a shopper controls.
const everything = `
rule: everything
hook: quote
config: {brands: {type: list, of: string, default: [Samsung, Xiaomi]}}
cases:
  - when: "input.a in config.brands || input.a == input.b && input.a != nil || (input.a ?? input.b) == message.text"
    then: [{once: {key: {expr: "string(input.a) + message.text"}}}, {tag: {key: k, value: {expr: "input.b"}}}]
  - when: "len(input.a) + len(shopper.tags) > 3 && any(shopper.tags, {let x = #; any(shopper.tags, # == x + x)})"
    then: [{discount: {amount: "input.a * quantity + percent(item.price, quantity)"}}, {take: {quota: q, units: input.b}}]
  - when: "input.trade_in.brand startsWith 'X' || upper(input.a) endsWith trim(lower(input.b)) || input.b contains 'x'"
    then: [{oblige: {kind: k, data: {a: input.a, b: "input.b", c: "shopper.tags[0]", d: "input.a > input.b"}}}]
  - when: "message.text matches '^[a-z]+$' || div(item.price, quantity) % now == abs(input.a) || !input.b"
    then: [{price: {amount: "max(item.price, min(-input.a, voucher.value), sum(map(shopper.tags, len(#))))"}}]
  - then: [{deny: {reason: none}}]
`

func TestNoFactsMakeARulePanicAndDecisionsRepeat(t *testing.T) {
	mechanics := []core.Mechanic{mustCompile(t, everything, nil)}
	for _, name := range library.Names() {
		config := core.Object{}
		if name == "one-cent-voucher" {
			config["sku"] = "code" // which it cannot do without
		}
		mechanic, err := library.Compile(name, config)
		if err != nil {
			t.Fatal(err)
		}
		mechanics = append(mechanics, mechanic)
	}
	rapid.Check(t, func(t *rapid.T) {
		facts := drawFacts(t)
		before := fmt.Sprintf("%#v", facts.Input)
		for _, mechanic := range mechanics {
			decideTwice(t, mechanic, facts)
		}
		if after := fmt.Sprintf("%#v", facts.Input); after != before {
			t.Fatalf("the facts became %s from %s", after, before)
		}
	})
}

// decideTwice fails unless two decisions are one, and either a mechanic's failure or effects with canonical data.
func decideTwice(t failer, mechanic core.Mechanic, facts *core.Facts) {
	first, usage, err := mechanic.Decide(core.HookQuote, facts, nil)
	if _, ok := errors.AsType[*core.MechanicError](err); err != nil && (!ok || len(first) > 0) {
		t.Fatalf("%v, %v is no failure of a mechanic", first, err)
	}
	again, usageAgain, errAgain := mechanic.Decide(core.HookQuote, facts, nil)
	if !reflect.DeepEqual(first, again) || usage != usageAgain || fmt.Sprint(err) != fmt.Sprint(errAgain) {
		t.Fatalf("first %v, %v, %v, then %v, %v, %v", first, usage, err, again, usageAgain, errAgain)
	}
	for i := range first {
		if _, err := core.CanonicalData(first[i].Data); first[i].Data != "" && err != nil {
			t.Fatalf("data %q: %v", first[i].Data, err)
		}
	}
}

func TestEveryDecisionHasTheSameSteps(t *testing.T) {
	mechanic := mustCompile(t, `
rule: pairs
hook: quote
when: "all(shopper.tags, {let x = #; any(shopper.tags, # == x)})"
then: [{once: {key: k}}]
`, nil)
	light := &core.Facts{Shopper: core.ShopperFacts{Tags: []string{"a"}}}
	heavy := &core.Facts{Shopper: core.ShopperFacts{Tags: make([]string, 400)}}
	for i := range heavy.Shopper.Tags {
		heavy.Shopper.Tags[i] = strconv.Itoa(i)
	}
	for round := range 20 {
		for range round {
			if effects, _ := decide(t, mechanic, light); len(effects) != 1 {
				t.Fatalf("round %d: a light decision asks for %v", round, effects)
			}
		}
		effects, _, err := mechanic.Decide(core.HookQuote, heavy, nil)
		if failure, ok := errors.AsType[*core.MechanicError](err); !ok || failure.Code != "out_of_fuel" {
			t.Fatalf("round %d: a heavy decision gives %v, %v", round, effects, err)
		}
	}
}

func TestDecisionsAreTheSameOnEveryGoroutine(t *testing.T) {
	mechanic := mustCompile(t, everything, nil)
	const decisions = 500
	decideNumber := func(i int) string {
		facts := testFacts()
		facts.Quantity, facts.Input["a"] = int64(i%7), int64(i)
		facts.Shopper.Tags = append(facts.Shopper.Tags, strconv.Itoa(i), strconv.Itoa(i)+strconv.Itoa(i))
		effects, usage, err := mechanic.Decide(core.HookQuote, facts, nil)
		return fmt.Sprint(effects, usage, err)
	}
	want := make([]string, decisions)
	for i := range want {
		want[i] = decideNumber(i)
	}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range decisions {
				n := (i + worker*61) % decisions
				if got := decideNumber(n); got != want[n] {
					t.Errorf("decision %d: %s, want %s", n, got, want[n])
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkDecide(b *testing.B) {
	for _, name := range library.Names() {
		b.Run(name, func(b *testing.B) {
			mechanic, err := library.Compile(name, nil)
			if err != nil {
				b.Fatal(err)
			}
			facts := testFacts()
			facts.Quantity, facts.Reservation.At = 1, 1
			effects := make([]core.Effect, 0, 8)
			b.ReportAllocs()
			for b.Loop() {
				if decided, _, err := mechanic.Decide(core.HookQuote, facts, effects); err != nil || len(decided) == 0 {
					b.Fatal(decided, err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	entry, err := library.Open("trade-in")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := entry.Rule.Compile(nil); err != nil {
			b.Fatal(err)
		}
	}
}
