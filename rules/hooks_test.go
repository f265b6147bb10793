package rules_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/rules"
)

const voucherRule = `
rule: voucher
config: {pool: {type: string, default: flyme}, off: {type: integer, default: 5}}
hooks:
  paid:
    when: order.total == 1
    then: [{grant: {pool: {expr: config.pool}, count: 1}}]
  quote:
    cases:
      - when: voucher.pool == config.pool
        then: [{discount: {amount: config.off}}]
      - then: [{once: {key: voucher}}]
`

func TestARuleWithSeveralHooksDecidesAtEachByItsOwnBody(t *testing.T) {
	mechanic := mustCompile(t, voucherRule, nil)
	for _, c := range []struct {
		hook  core.Hook
		facts core.Facts
		want  []core.Effect
	}{
		{core.HookQuote, core.Facts{}, []core.Effect{{Kind: core.EffectOnce, Name: "voucher"}}},
		{core.HookQuote, core.Facts{Voucher: core.VoucherFacts{Code: "c", Pool: "flyme"}}, []core.Effect{{Kind: core.EffectDiscount, Amount: 5}}},
		{core.HookPaid, core.Facts{Order: core.OrderFacts{ID: "o", Total: 1}}, []core.Effect{{Kind: core.EffectGrant, Name: "flyme", Units: 1}}},
		{core.HookPaid, core.Facts{Order: core.OrderFacts{ID: "o", Total: 2}}, nil},
		{core.HookShare, core.Facts{}, nil},
	} {
		effects, _, err := mechanic.Decide(c.hook, &c.facts, nil)
		if err != nil || !slices.Equal(effects, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.hook, effects, err, c.want)
		}
	}
}

func TestTheManifestListsTheHooksInTheirOrderAndTheFactsOfAll(t *testing.T) {
	manifest := mustCompile(t, voucherRule, nil).Manifest()
	if want := []core.Hook{core.HookQuote, core.HookPaid}; !slices.Equal(manifest.Hooks, want) {
		t.Errorf("hooks %v, want %v", manifest.Hooks, want)
	}
	if want := []string{"config.off", "config.pool", "order.total", "voucher.pool"}; !slices.Equal(manifest.Facts, want) {
		t.Errorf("facts %v, want %v", manifest.Facts, want)
	}
	if want := []core.EffectKind{core.EffectDiscount, core.EffectOnce, core.EffectGrant}; !slices.Equal(manifest.Effects, want) {
		t.Errorf("effects %v, want %v", manifest.Effects, want)
	}
}

func TestOneHookUnderHooksDecidesLikeOneAtTheTop(t *testing.T) {
	below := mustCompile(t, "rule: a\nhooks: {quote: {when: quantity > 1, then: [{once: {key: k}}]}}\n", nil)
	top := mustCompile(t, "rule: a\nhook: quote\nwhen: quantity > 1\nthen: [{once: {key: k}}]\n", nil)
	for _, facts := range []core.Facts{{Quantity: 1}, {Quantity: 2}} {
		a, clauseA := decide(t, below, &facts)
		b, clauseB := decide(t, top, &facts)
		if !slices.Equal(a, b) || clauseA != clauseB {
			t.Errorf("%d: %v %q and %v %q", facts.Quantity, a, clauseA, b, clauseB)
		}
	}
}

// TestProblemsOfHooksHaveTheirPaths: the path leads to the place in the file.
func TestProblemsOfHooksHaveTheirPaths(t *testing.T) {
	for raw, problem := range map[string]string{
		`{"rule":"a","hooks":{"quote":{"when":"itm.sku == 1","then":[]}}}`:                                 "rule.hooks.quote.when: there is no itm.sku (did you mean item.sku?)",
		`{"rule":"a","hooks":{"quote":{"cases":[{"when":"foo","then":[]}]}}}`:                              "rule.hooks.quote.cases[0].when: there is no foo",
		`{"rule":"a","hooks":{"paid":{"then":[{"deny":{"reason":"a"}}]}}}`:                                 "rule.hooks.paid.then[0].deny: deny cannot be used at the hook paid",
		`{"rule":"a","hooks":{"quote":{"then":[]},"paid":{"then":[{"price":{"amount":1}}]}}}`:              "rule.hooks.paid.then[0].price: price cannot be used at the hook paid",
		`{"rule":"a","hooks":{"qoute":{"then":[]}}}`:                                                       `rule.hooks.qoute: there is no hook "qoute" (did you mean quote?)`,
		`{"rule":"a","hooks":{"quote":{"whenn":"true"}}}`:                                                  "rule.hooks.quote.whenn: unknown key whenn (did you mean when?)",
		`{"rule":"a","hooks":{"quote":{}}}`:                                                                "rule.hooks.quote: then is missing",
		`{"rule":"a","hooks":{"quote":[]}}`:                                                                "rule.hooks.quote: must be a map",
		`{"rule":"a","hooks":{"quote":{"cases":[{"then":[]},{"then":[]}]}}}`:                               "rule.hooks.quote.cases[0]: only the last case may have no when",
		`{"rule":"a","hooks":{"quote":{"when":"true","cases":[{"then":[]}]}}}`:                             "rule.hooks.quote.when: a rule has either cases, or when and then",
		`{"rule":"a","hooks":{}}`:                                                                          "rule.hooks: must be a map from hooks",
		`{"rule":"a","hooks":"quote"}`:                                                                     "rule.hooks: must be a map",
		`{"rule":"a","hook":"quote","hooks":{"quote":{"then":[]}}}`:                                        "rule.hook: a rule has either hooks, or hook",
		`{"rule":"a","then":[],"hooks":{"quote":{"then":[]}}}`:                                             "rule.then: a rule has either hooks, or hook",
		`{"rule":"a","when":"true","hooks":{"quote":{"then":[]}}}`:                                         "rule.when: a rule has either hooks, or hook",
		`{"rule":"a","cases":[],"hooks":{"quote":{"then":[]}}}`:                                            "rule.cases: a rule has either hooks, or hook",
		`{"rule":"a","hooks":{"quote":{"then":[{"take":{"quota":"q","units":"quantity * shopper.id"}}]}}}`: "rule.hooks.quote.then[0].take.units: must be an integer, not string",
	} {
		found := ""
		for _, p := range problemsOf(t, json.RawMessage(raw), nil) {
			found += p.String() + "\n"
		}
		if !strings.Contains(found, problem) {
			t.Errorf("%s: got %s, want %s", raw, found, problem)
		}
	}
}

func TestAProblemUnderHooksIsLocatedInTheFile(t *testing.T) {
	_, err := rules.Parse([]byte("rule: a\nhooks:\n  quote: {then: []}\n  message:\n    cases:\n      - when: mesage.text == \"\"\n        then: []\n"))
	problems, ok := errors.AsType[*core.Problems](err)
	if !ok || len(problems.List) != 1 {
		t.Fatalf("got %v, want one problem", err)
	}
	got := problems.List[0]
	if got.Line != 6 || got.Column != 22 || got.Path != "hooks.message.cases[0].when" || got.Hint != "did you mean message.text?" {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(got.Snippet, "mesage.text") {
		t.Errorf("the snippet is %q", got.Snippet)
	}
}

// TestEachHookHasItsOwnSteps: a decision is asked at one hook, so bodies do not share the bound, and each is held to it.
func TestEachHookHasItsOwnSteps(t *testing.T) {
	loop := `all(config.of, {let x = #; any(config.of, # == x)})`
	file := func(bodies string) json.RawMessage {
		return json.RawMessage(`{"rule":"a","config":{"of":{"type":"list","of":"string","default":["a"]}},"hooks":{` + bodies + `}}`)
	}
	body := func(hook, when string) string { return fmt.Sprintf(`%q:{"when":%q,"then":[]}`, hook, when) }
	words := make([]any, 60)
	for i := range words {
		words[i] = "x"
	}
	config := core.Object{"of": words}
	apart := body("quote", loop) + "," + body("paid", loop)
	if _, err := rules.CompileJSON(file(apart), config); err != nil {
		t.Errorf("two hooks with a loop each: %v", err)
	}
	together := body("quote", loop+" && "+loop) + "," + body("paid", "true")
	rule, err := rules.ParseJSON(file(together))
	if err != nil {
		t.Fatal(err)
	}
	_, err = rule.Compile(config)
	if problems, ok := errors.AsType[*core.Problems](err); !ok || !has(problems.List, "hooks.quote.when", "more than 20000 steps") {
		t.Errorf("two loops at one hook: %v", err)
	}
}
