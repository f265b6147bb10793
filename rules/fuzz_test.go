package rules_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"hotdrop/core"
	"hotdrop/rules"
)

// FuzzExpression compiles what a stranger wrote and decides with it: problems stand inside the expression, failures are
// those of mechanics, and a second decision is the first.
func FuzzExpression(f *testing.F) {
	for _, expression := range []string{
		`(config.name == "" || item.sku == config.name) && input.trade_in.brand in config.brands`,
		`let x = 2; sum(config.tiers, {let d = # * x; d + 1})`, `input.a ?? -input.b % 3`, `if true { 1 } else { "x" }`,
		`all(shopper.tags, one(shopper.tags, # == "a"))`, `message.text matches "^(a|b)*$" ? [1,2][0] : div(1, quantity)`,
		`shopper.tags | filter(# startsWith "v") | len()`, "---1", "1 < 2 < 3", `item?.["sku"]`, "9223372036854775807 + 1",
		`#`, `{"a": 1}`, `b"x"`, "1..2", "a.b.c()", "1 not in", "/* */ 1", "'\\u{1F600}'", "$env", "::len([])",
	} {
		f.Add(expression, "Xiaomi", int64(3))
	}
	f.Fuzz(func(t *testing.T, expression, brand string, quantity int64) {
		if !utf8.ValidString(expression) {
			return // JSON would repair it, and offsets would be those of the repaired text
		}
		mechanic, err := rules.CompileJSON(ruleOf(t, testConfig, expression), nil)
		if problems, ok := errors.AsType[*core.Problems](err); ok {
			requireInside(t, problems, expression)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		facts := testFacts()
		facts.Quantity, facts.Message.Text = quantity, brand
		facts.Input["a"], facts.Input["b"] = brand, quantity
		decideTwice(t, mechanic, facts)
	})
}

func requireInside(t *testing.T, problems *core.Problems, expression string) {
	t.Helper()
	for _, problem := range problems.List {
		if problem.Path != "rule.then[0].oblige.data.v" || problem.Message == "" {
			t.Fatalf("a problem elsewhere: %+v", problem)
		}
		if problem.Offset < 0 || problem.Offset > utf8.RuneCountInString(expression) {
			t.Fatalf("a problem outside of %q: %+v", expression, problem)
		}
	}
}

// FuzzParse reads whole files: what is accepted compiles and decides, what is not has located problems.
func FuzzParse(f *testing.F) {
	f.Add([]byte(smallRule))
	f.Add([]byte(everything))
	f.Add([]byte(`{"rule":"a","hook":"quote","cases":[{"when":"true","then":[{"deny":{"reason":"a"}}]},{"then":[]}]}`))
	f.Add([]byte("rule: a\nhook: message\nthen: [{reply: {text: {zh: 好}}}]\n"))
	f.Add([]byte(voucherRule))
	f.Add([]byte("rule: a\nhooks: {message: {then: [{reply: {text: {expr: message.text, zh: '{order.id}'}}}]}, paid: {then: []}}\n"))
	f.Add([]byte("rule: a\nhook: message\nthen: [{reply: {text: {en: '{{now}} {order.x', zh: {expr: string(now)}}}}]\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		rule, err := rules.Parse(file)
		if problems, ok := errors.AsType[*core.Problems](err); ok {
			for _, problem := range problems.List {
				if problem.Message == "" || strings.Contains(problem.Message, "%!") {
					t.Fatalf("a problem without words: %+v", problem)
				}
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		mechanic, err := rule.Compile(nil)
		if err != nil {
			return // a parameter without a default
		}
		for _, hook := range rule.Manifest().Hooks {
			checkDecision(t, mechanic, hook)
		}
	})
}

// checkDecision: a failure is one of mechanics, and the explanation ends as the decision did.
func checkDecision(t *testing.T, mechanic core.Mechanic, hook core.Hook) {
	t.Helper()
	_, usage, err := mechanic.Decide(hook, testFacts(), nil)
	if _, ok := errors.AsType[*core.MechanicError](err); err != nil && !ok {
		t.Fatalf("%v is no failure of a mechanic", err)
	}
	clauses := explain(t, mechanic, hook, testFacts())
	if len(clauses) == 0 {
		t.Fatalf("the hook %s is not explained", hook)
	}
	if last := clauses[len(clauses)-1]; err == nil && last.Held != (usage.Clause == "") {
		t.Fatalf("the last clause is %+v, the decision says %q", last, usage.Clause)
	}
}
