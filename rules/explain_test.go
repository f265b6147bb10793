package rules_test

import (
	"reflect"
	"slices"
	"testing"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/rules/library"
)

const explainedRule = `
rule: explained
hook: quote
config: {brands: {type: list, of: string, default: [Samsung, Xiaomi]}, most: {type: integer, default: 2}, sku: {type: string, default: ""}}
cases:
  - when: item.sku == "mx3" && input.brand in config.brands && quantity <= config.most
    then: [{discount: {amount: 1}}]
  - when: shopper.tier == "gold" || config.sku == item.sku
    then: [{discount: {amount: 2}}]
  - then: []
`

func explain(t *testing.T, mechanic core.Mechanic, hook core.Hook, facts *core.Facts) []core.Clause {
	t.Helper()
	explainer, ok := mechanic.(core.Explainer)
	if !ok {
		t.Fatal("a rule does not explain itself")
	}
	return explainer.Explain(hook, facts)
}

func TestEveryClauseThatWasEvaluatedIsExplainedWithTheValuesItSaw(t *testing.T) {
	mechanic := mustCompile(t, explainedRule, nil)
	sku := core.Clause{Text: `item.sku == "mx3"`, Held: true, Values: []core.FactValue{{Path: "item.sku", Value: `"mx3"`}}}
	brand := func(held bool, value string) core.Clause {
		return core.Clause{Text: "input.brand in config.brands", Held: held, Values: []core.FactValue{
			{Path: "config.brands", Value: `["Samsung","Xiaomi"]`}, {Path: "input.brand", Value: value},
		}}
	}
	tier := func(held bool, tier string) core.Clause {
		return core.Clause{Case: 1, Text: `shopper.tier == "gold" || config.sku == item.sku`, Held: held, Values: []core.FactValue{
			{Path: "config.sku", Value: "null"}, {Path: "item.sku", Value: `"mx3"`}, {Path: "shopper.tier", Value: tier},
		}}
	}
	most := core.Clause{Text: "quantity <= config.most", Held: true, Values: []core.FactValue{
		{Path: "config.most", Value: "2"}, {Path: "quantity", Value: "2"},
	}}
	for name, c := range map[string]struct {
		facts core.Facts
		want  []core.Clause
	}{
		"the first case": {
			core.Facts{Item: core.ItemFacts{SKU: "mx3"}, Quantity: 2, Input: core.Object{"brand": "Xiaomi"}},
			[]core.Clause{sku, brand(true, `"Xiaomi"`), most},
		},
		"the second case": {
			core.Facts{Item: core.ItemFacts{SKU: "mx3"}, Shopper: core.ShopperFacts{Tier: "gold"}},
			[]core.Clause{sku, brand(false, "null"), tier(true, `"gold"`)},
		},
		"the last case": {
			core.Facts{Item: core.ItemFacts{SKU: "mx3"}, Input: core.Object{"brand": "Nokia"}},
			[]core.Clause{sku, brand(false, `"Nokia"`), tier(false, "null"), {Case: 2, Text: "true", Held: true}},
		},
	} {
		if got := explain(t, mechanic, core.HookQuote, &c.facts); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, c.want)
		}
	}
	if got := explain(t, mechanic, core.HookPaid, &core.Facts{}); got != nil {
		t.Errorf("at a hook that it does not have: %+v", got)
	}
}

func TestAClauseThatFailsDidNotHoldAndEndsTheExplanation(t *testing.T) {
	mechanic := mustCompile(t, `
rule: failing
hook: quote
cases:
  - when: quantity == 1 && div(item.price, item.left) > 0 && true
    then: [{once: {key: a}}]
  - then: [{once: {key: b}}]
`, nil)
	got := explain(t, mechanic, core.HookQuote, &core.Facts{Quantity: 1})
	if len(got) != 2 || !got[0].Held || got[1].Held || got[1].Text != "div(item.price, item.left) > 0" {
		t.Errorf("got %+v", got)
	}
	if again, _ := decide(t, mechanic, &core.Facts{Quantity: 2}); len(again) != 1 || again[0].Name != "b" {
		t.Errorf("a failed explanation stays: %v", again)
	}
}

// TestTheExplanationAgreesWithTheDecision, for every vector of the library: the last clause held exactly if the rule
// matched, the false one is the one that the decision names, and every value is of a fact that the manifest declares.
func TestTheExplanationAgreesWithTheDecision(t *testing.T) {
	for _, name := range library.Names() {
		entry, err := library.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		vectors, err := campaignfile.ParseVectors(entry.Vectors)
		if err != nil {
			t.Fatal(err)
		}
		for _, vector := range vectors.Vectors {
			mechanic, err := entry.Rule.Compile(vector.Config)
			if err != nil {
				t.Fatal(err)
			}
			_, usage, err := mechanic.Decide(vector.Hook, &vector.Facts, nil)
			clauses := explain(t, mechanic, vector.Hook, &vector.Facts)
			if err != nil || len(clauses) == 0 {
				t.Errorf("%s: %s: %d clauses, %v", name, vector.Name, len(clauses), err)
				continue
			}
			checkClauses(t, name+": "+vector.Name, clauses, usage.Clause, mechanic.Manifest().Facts)
		}
	}
}

func checkClauses(t *testing.T, where string, clauses []core.Clause, failing string, facts []string) {
	t.Helper()
	last := clauses[len(clauses)-1]
	if last.Held != (failing == "") || (!last.Held && last.Text != failing) {
		t.Errorf("%s: the last clause is %+v, the decision says %q", where, last, failing)
	}
	for i, clause := range clauses {
		if !clause.Held && i+1 < len(clauses) && clauses[i+1].Case != clause.Case+1 {
			t.Errorf("%s: after a false clause of case %d comes one of case %d", where, clause.Case, clauses[i+1].Case)
		}
		for _, value := range clause.Values {
			if !slices.Contains(facts, value.Path) {
				t.Errorf("%s: %s is not declared", where, value.Path)
			}
		}
	}
}
