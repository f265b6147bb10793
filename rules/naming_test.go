package rules_test

import (
	"slices"
	"testing"

	"hotdrop/core"
	"hotdrop/rules"
	"hotdrop/rules/library"
)

// namesOf returns what the mechanic says that its effects name.
func namesOf(t *testing.T, mechanic core.Mechanic) []core.Name {
	t.Helper()
	naming, ok := mechanic.(core.Naming)
	if !ok {
		t.Fatal("a rule does not say what it names")
	}
	return naming.Names()
}

func nameOf(kind core.EffectKind, name, path string) core.Name {
	return core.Name{Kind: kind, Name: name, Path: path}
}

func TestARuleSaysWhatItsEffectsNameWhereNoFactDecidesIt(t *testing.T) {
	const config = `,"config":{"pool":{"type":"string","default":"thanks"},"gift":{"type":"string","default":""},"open":{"type":"boolean","default":true},"prices":{"type":"list","of":"integer","default":[5]}}`
	take := func(name, path string) core.Name { return nameOf(core.EffectTake, name, path) }
	for _, c := range []struct {
		name, rule string
		config     core.Object
		want       []core.Name
	}{
		{
			name: "a literal",
			rule: `"hook":"quote","then":[{"take":{"quota":"few","units":1}},{"add":{"sku":"case","units":1,"unit_price":0}}]`,
			want: []core.Name{take("few", "rule.then[0].take.quota"), nameOf(core.EffectAdd, "case", "rule.then[1].add.sku")},
		},
		{
			name: "a parameter stands where the binding sets it", config: core.Object{"pool": "other"},
			rule: `"hook":"paid","then":[{"grant":{"pool":{"expr":"config.pool"},"count":1}}]`,
			want: []core.Name{nameOf(core.EffectGrant, "other", "config.pool")},
		},
		{
			name: "what is computed of parameters stands in the rule",
			rule: `"hook":"paid","then":[{"grant":{"pool":{"expr":"config.pool + \"-50\""},"count":1}}]`,
			want: []core.Name{nameOf(core.EffectGrant, "thanks-50", "rule.then[0].grant.pool")},
		},
		{name: "what facts decide is not known", rule: `"hook":"paid","then":[{"grant":{"pool":{"expr":"shopper.tier"},"count":1}}]`},
		{name: "a blank name is none", rule: `"hook":"quote","then":[{"add":{"sku":{"expr":"config.gift"},"units":1,"unit_price":0}}]`},
		{
			name: "what names nothing of the campaign",
			rule: `"hook":"quote","then":[{"once":{"key":"k"}},{"tag":{"key":"k","value":"v"}},{"oblige":{"kind":"hand_in"}}]`,
		},
		{
			name: "every hook and case that may match",
			rule: `"hooks":{"reserve":{"then":[{"enter":{"draw":"d","weight":1}},{"notify":{"template":"hello"}}]},"quote":{"cases":[
				{"when":"quantity > 1","then":[{"take":{"quota":"a","units":1}}]},{"then":[{"take":{"quota":"b","units":1}}]}]}}`,
			want: []core.Name{
				nameOf(core.EffectEnter, "d", "rule.hooks.reserve.then[0].enter.draw"), nameOf(core.EffectNotify, "hello", "rule.hooks.reserve.then[1].notify.template"),
				take("a", "rule.hooks.quote.cases[0].then[0].take.quota"), take("b", "rule.hooks.quote.cases[1].then[0].take.quota"),
			},
		},
		{
			name: "a case that the config rules out, whatever else it asks for",
			rule: `"hook":"quote","cases":[{"when":"quantity > 1 && !config.open","then":[{"take":{"quota":"a","units":1}}]},{"then":[{"take":{"quota":"b","units":1}}]}]`,
			want: []core.Name{take("b", "rule.cases[1].then[0].take.quota")},
		},
		{
			name: "what comes after a case that the config makes match always",
			rule: `"hook":"quote","cases":[{"when":"config.open","then":[{"take":{"quota":"a","units":1}}]},{"then":[{"take":{"quota":"b","units":1}}]}]`,
			want: []core.Name{take("a", "rule.cases[0].then[0].take.quota")},
		},
		{
			name: "a condition that always fails never asks for anything",
			rule: `"hook":"quote","when":"config.prices[7] > 0","then":[{"take":{"quota":"a","units":1}}]`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			mechanic, err := rules.CompileJSON([]byte(`{"rule":"named",`+c.rule+config+`}`), c.config)
			if err != nil {
				t.Fatal(err)
			}
			if got := namesOf(t, mechanic); !slices.Equal(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestWhatShippedRulesNameStandsAtTheirNameOrTheirParameter(t *testing.T) {
	quota := func(name, path string) core.Name { return nameOf(core.EffectTake, name, path) }
	gift := core.Object{"mode": "gift", "gift": "case"}
	for _, c := range []struct {
		name   string
		config core.Object
		want   []core.Name
	}{
		{"trade-in", nil, []core.Name{quota("trade-in", "mechanic")}},
		{"early-bird", nil, nil},
		{"early-bird", core.Object{"prices": []any{int64(1), int64(2)}}, []core.Name{quota("early-bird-1", "mechanic"), quota("early-bird-2", "mechanic")}},
		{"one-cent-voucher", core.Object{"sku": ""}, nil},
		{"one-cent-voucher", core.Object{"sku": "code"}, []core.Name{
			quota("one-cent-voucher", "config.quota"), nameOf(core.EffectGrant, "one-cent-voucher", "config.pool"),
		}},
		{"repost-lottery", nil, []core.Name{nameOf(core.EffectEnter, "lottery", "config.draw")}},
		{"repost-lottery", core.Object{"draw": ""}, nil},
		{"bundle", nil, nil},
		{"bundle", gift, []core.Name{nameOf(core.EffectAdd, "case", "config.gift")}},
		{"deposit", nil, nil},
	} {
		mechanic, err := library.Compile(c.name, c.config)
		if err != nil {
			t.Fatal(err)
		}
		if got := namesOf(t, mechanic); !slices.Equal(got, c.want) {
			t.Errorf("%s with %v names %+v, want %+v", c.name, c.config, got, c.want)
		}
	}
}

// TestNamesAreKnownWhileTheMechanicDecides holds that a mechanic may be asked for names while it decides.
func TestNamesAreKnownWhileTheMechanicDecides(t *testing.T) {
	mechanic, err := library.Compile("trade-in", nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			_ = namesOf(t, mechanic)
		}
	}()
	for range 100 {
		if _, _, err := mechanic.Decide(core.HookQuote, testFacts(), nil); err != nil {
			t.Error(err)
		}
	}
	<-done
}
