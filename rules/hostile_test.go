package rules

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"hotdrop/core"
)

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestHostileSourcesAreRefusedBeforeTheyAreParsed(t *testing.T) {
	for _, test := range []struct{ name, expression, words string }{
		{"5 million unary minuses", strings.Repeat("-", 5_000_000) + "1", "longer than 8 KiB"},
		{"as many minuses as fit", strings.Repeat("-", maxSource-1) + "1", "more than 2,000 tokens"},
		{"fewer minuses", strings.Repeat("-", 1_500) + "1", "prefix operators"},
		{"minuses apart", strings.Repeat("- ", 1_500) + "1", "prefix operators"},
		{"nots", strings.Repeat("not ", 1_500) + "true", "prefix operators"},
		{"mixed prefixes", strings.Repeat("-+!", 500) + "1", "prefix operators"},
		{"brackets", strings.Repeat("(", 900) + "1" + strings.Repeat(")", 900), "nested more than 32"},
		{"minuses in brackets", strings.Repeat("-(", 600) + "1" + strings.Repeat(")", 600), "nested more than 32"},
		{"lists in lists", strings.Repeat("[", 900) + strings.Repeat("]", 900), "nested more than 32"},
		{"a million nots and brackets", strings.Repeat("!(", 1_000_000), "longer than 8 KiB"},
		{"bytes that are not UTF-8", "\xff\xfe == 1", "not UTF-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var problem *core.Problem
			bytes := allocated(func() { _, problem = parse(test.expression) })
			if problem == nil || !strings.Contains(problem.Message, test.words) {
				t.Errorf("got %v, want a problem with %q", problem, test.words)
			}
			if bytes > 2<<20 {
				t.Errorf("it allocated %d bytes", bytes)
			}
		})
	}
}

func TestHostileExpressionsAreRefusedWhenTheyAreCompiled(t *testing.T) {
	list := "[" + strings.Repeat("1,", 299) + "1]"
	for _, test := range []struct{ name, expression, words string }{
		{"three predicates in each other", strings.Repeat("all(shopper.tags, ", 3) + "true)))", "nested 2 deep"},
		{"a long list twice", "let l = " + list + "; all(l, {let x = #; all(l, # != x)})", "more than 20000 steps"},
		{"maps of maps", "let l = " + list + "; len(map(l, sum(map(l, 1)))) > 1", "more than 20000 steps"},
		{"more nodes than allowed", strings.Repeat("1+", 300) + "1 == 1", "exceeds maximum allowed nodes"},
		{"a clock", "now() > 1", "is a fact, not a function"},
		{"the order of a map", `keys(quota)[0] == ""`, "there is no function keys"},
		{"values of a map", "values(input) == nil", "there is no function values"},
		{"pairs of a map", "toPairs(input) == nil", "there is no function toPairs"},
		{"JSON of everything", `toJSON($env) == ""`, "there is no function toJSON"},
		{"the environment", "$env == nil", "there is no $env"},
		{"the environment by name", `$env["item"] == nil`, "there is no $env"},
		{"a repeated string", `repeat("x", 1000000) == ""`, "there is no function repeat"},
		{"a range", "len(1..1000000000) == 1", "rules have no ranges"},
		{"the largest integer and one", "9223372036854775807 + 1 > 0", "does not fit into 64 bits"},
		{"the least integer, negated", "-(-9223372036854775807 - 1) > 0", "does not fit into 64 bits"},
		{"a product that wraps to 0", "4294967296 * 4294967296 == 0", "does not fit into 64 bits"},
		{"division by zero", "div(1, 0) == 1", "division by zero"},
		{"division into infinity", "1 / 0 > 5", "makes fractions"},
		{"remainder by zero", "1 % 0 == 1", "division by zero"},
		{"not a number", "0.0 / 0.0 == 1", "makes fractions"},
		{"a number beyond the range", "9223372036854775808 > 0", "does not fit into 64 bits"},
		{"a huge exponent", "1e308 > 0", "no fractions"},
		{"a pattern that explodes", `message.text matches "(((a{30}){30}){30})"`, "invalid repeat count"},
		{"a large pattern", `message.text matches "` + strings.Repeat("a{900}", 20) + `"`, "the pattern is too large"},
		{"a method", "item.sku.String() == nil", "values have no methods"},
		{"a fact by a computed name", `item["pri" + "ce"] > 0`, "must be spelled out"},
		{"a quota by a parameter", "quota[message.text] > 0", "must be spelled out"},
		{"all facts of a block", "item == nil", "item is a group of facts"},
		{"all inputs", "input == nil", "input is a group of facts"},
		{"a fact that is none", "shopper.wallet > 0", "there is no shopper.wallet"},
		{"an input within an input's group", "input.a.b.c == 1", "there is no input.a.b.c"},
		{"a path with an empty name", `quota[""] == 1`, "there is no quota."},
		{"an index of a long list twice", "let l = " + list + "; findIndex(l, {let x = #; findIndex(l, # == x) == 0}) == 1", "more than 20000 steps"},
		{"the largest of computed lists", "let l = " + list + "; max(map(l, max(map(l, 1)))) == 1", "more than 20000 steps"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCompiler(nil, nil)
			bytes := allocated(func() { c.condition("when", test.expression) })
			if len(c.problem) == 0 || !strings.Contains(c.problem[0].Message, test.words) {
				t.Errorf("got %v, want a problem with %q", c.problem, test.words)
			}
			if bytes > 16<<20 {
				t.Errorf("it allocated %d bytes", bytes)
			}
		})
	}
}

// endless is a list that has more elements than can be counted to; it records how often it was asked for one.
type endless struct{ asked *int }

func (endless) size() int { return 1 << 60 }

func (e endless) item(int) value {
	*e.asked++
	return integer(1)
}

// run evaluates the expression as a decision would; the tags are what facts has.
func run(t *testing.T, expression string, facts *core.Facts) (*frame, value) {
	t.Helper()
	c := newCompiler(nil, nil)
	n := c.expression("when", expression, kindAny)
	if len(c.problem) > 0 {
		t.Fatalf("%s: %v", expression, c.problem)
	}
	f := &frame{facts: facts, slots: make([]value, c.slots), steps: maxSteps}
	return f, n.eval(f)
}

func TestALoopEndsWithTheStepsWhateverTheListIs(t *testing.T) {
	for name, kind := range loopTable() {
		t.Run(name, func(t *testing.T) {
			asked := 0
			list := node{eval: func(*frame) value { return value{kind: core.ValueList, list: endless{&asked}} }}
			evaluated := 0
			never := node{nodes: 3, eval: func(*frame) value {
				evaluated++
				return value{kind: core.ValueBoolean, n: map[string]int64{"all": 1}[name]}
			}}
			f := &frame{facts: &core.Facts{}, slots: make([]value, 4), steps: maxSteps}
			inner := node{nodes: 0, eval: kind.run(list, never, 2)}
			kind.run(list, inner, 0)(f)
			if f.err == nil || f.err.Code != "out_of_fuel" {
				t.Errorf("got %v, want out_of_fuel", f.err)
			}
			if most := maxSteps / 4; evaluated > most || asked > 2*most {
				t.Errorf("%d evaluations and %d elements, want at most %d", evaluated, asked, most)
			}
		})
	}
}

func TestTheExtremesOfAnEndlessListEndBeforeItIsRead(t *testing.T) {
	asked := 0
	c := newCompiler(nil, nil)
	list := node{
		typ:  typ{kind: kindList, elem: kindInteger},
		eval: func(*frame) value { return value{kind: core.ValueList, list: endless{&asked}} },
	}
	n := c.extremeOfList(nil, list, "max", func(a, b int64) bool { return a > b })
	f := &frame{facts: &core.Facts{}, steps: maxSteps}
	if n.eval(f); f.err == nil || f.err.Code != "out_of_fuel" || asked > 0 {
		t.Errorf("got %v after %d elements, want out_of_fuel", f.err, asked)
	}
}

func TestATextFullOfBracesIsReadOnce(t *testing.T) {
	for name, text := range map[string]string{
		"openings": strings.Repeat("{", maxString), "pairs": strings.Repeat("{}", maxString/2),
		"one name": strings.Repeat("{", maxString-9) + "order.id}", "names": strings.Repeat("{now}", maxString/5),
	} {
		c := newCompiler(nil, nil)
		if bytes := allocated(func() { c.literalReply("text", text) }); bytes > 16<<20 || len(c.problem) > 0 {
			t.Errorf("%s: %d bytes, %v", name, bytes, c.problem)
		}
	}
}

func TestWorkAtRunTimeIsBounded(t *testing.T) {
	many, twice := make([]string, 300), make([]string, 600)
	for i := range twice {
		many[i%300], twice[i] = fmt.Sprint(i), fmt.Sprint(i)
	}
	doubling := `let a0 = shopper.id; `
	for i := range 40 {
		doubling += fmt.Sprintf("let a%d = a%d + a%d; ", i+1, i, i)
	}
	long := strings.Repeat("a", 1<<20)
	for _, test := range []struct {
		name, expression, code string
		facts                  *core.Facts
	}{
		{
			"nested all over 300 tags", "all(shopper.tags, {let x = #; all(shopper.tags, # != x + \"!\")})", "out_of_fuel",
			&core.Facts{Shopper: core.ShopperFacts{Tags: many}},
		},
		{"let doubling", doubling + "len(a40)", "failed", &core.Facts{Shopper: core.ShopperFacts{ID: "0123456789abcdef"}}},
		{
			"doubling in a map", `len(map(shopper.tags, {let b = shopper.id + shopper.id; b + b}))`, "out_of_fuel",
			&core.Facts{Shopper: core.ShopperFacts{ID: strings.Repeat("i", 1000), Tags: twice}},
		},
		{
			"a pattern over a long message", `message.text matches "(a|aa|aaa)*b"`, "out_of_fuel",
			&core.Facts{Message: core.MessageFacts{Text: long}},
		},
		{
			"searching a long message for every tag", "count(shopper.tags, message.text contains #)", "out_of_fuel",
			&core.Facts{Message: core.MessageFacts{Text: long}, Shopper: core.ShopperFacts{Tags: many}},
		},
		{
			"capitals of a long message", "count(shopper.tags, upper(message.text) == #)", "out_of_fuel",
			&core.Facts{Message: core.MessageFacts{Text: long}, Shopper: core.ShopperFacts{Tags: many}},
		},
		{
			"looking for every tag in all tags", `all(shopper.tags, # in shopper.tags)`, "out_of_fuel",
			&core.Facts{Shopper: core.ShopperFacts{Tags: twice}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var f *frame
			bytes := allocated(func() { f, _ = run(t, test.expression, test.facts) })
			if f.err == nil || f.err.Code != test.code {
				t.Errorf("got %v, want %s", f.err, test.code)
			}
			if bytes > 8<<20 {
				t.Errorf("it allocated %d bytes", bytes)
			}
		})
	}
}

func TestTheStaticBoundIsNeverBelowTheStepsTaken(t *testing.T) {
	tags := make([]string, assumedItems)
	for i := range tags {
		tags[i] = fmt.Sprint(i)
	}
	facts := &core.Facts{Shopper: core.ShopperFacts{Tags: tags}}
	for _, expression := range []string{
		"1 + 2 * quantity", "all(shopper.tags, true)", "len(map(shopper.tags, # + \"x\"))", `"x" in shopper.tags`,
		"count(shopper.tags, # in shopper.tags)", "sum(shopper.tags, count(shopper.tags, # == \"1\"))",
		"findIndex(shopper.tags, # == \"31\")", "max(map(shopper.tags, len(#)))", "min([3, 1, 2])",
		"len(filter(map(shopper.tags, len(#)), # > 1))", `all([1, 2, 3], any(shopper.tags, # == "x"))`,
	} {
		c := newCompiler(nil, nil)
		n := c.expression("when", expression, kindAny)
		f := &frame{facts: facts, slots: make([]value, c.slots), steps: maxSteps}
		n.eval(f)
		if taken := maxSteps - f.steps; f.err != nil || taken > n.cost {
			t.Errorf("%s took %d steps (%v), the bound is %d", expression, taken, f.err, n.cost)
		}
	}
}
