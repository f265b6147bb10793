package rules_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/rules"
)

// everyEffect is each effect as a rule writes it, and what it asks for given testFacts.
func everyEffect() map[core.EffectKind]struct {
	hook           core.Hook
	written, asked string
} {
	type sample = struct {
		hook           core.Hook
		written, asked string
	}
	return map[core.EffectKind]sample{
		core.EffectDeny: {
			core.HookQuote, `{"reason":"not_open","text":{"en":"Later.","zh":"稍后。"}}`,
			`{"reason":"not_open","text":{"en":"Later.","zh":"稍后。"}}`,
		},
		core.EffectDiscount: {
			core.HookQuote, `{"amount":"quantity * 100","label":"Off"}`, `{"amount":200,"label":"Off"}`,
		},
		core.EffectDiscountPercent: {core.HookQuote, `{"basis_points":1500}`, `{"basis_points":1500,"label":""}`},
		core.EffectPrice: {
			core.HookQuote, `{"amount":"min(item.price, 100000)","label":"Flash"}`, `{"amount":100000,"label":"Flash"}`,
		},
		core.EffectAdd: {
			core.HookQuote, `{"sku":{"expr":"item.sku"},"units":1,"unit_price":"div(item.price, 2)","label":"Half"}`,
			`{"label":"Half","sku":"mx3","unit_price":89950,"units":1}`,
		},
		core.EffectDeposit: {core.HookQuote, `{"amount":100,"credit":"200 * 2"}`, `{"amount":100,"credit":400}`},
		core.EffectGroup: {
			core.HookQuote, `{"size":3,"seconds":"24 * 3600","price":150000}`, `{"price":150000,"seconds":86400,"size":3}`,
		},
		core.EffectTake: {
			core.HookQuote, `{"quota":"trade-in","units":"quantity"}`, `{"quota":"trade-in","units":2}`,
		},
		core.EffectOnce: {
			core.HookQuote, `{"key":{"expr":"\"day-\" + string(div(now, 86400000))"}}`, `{"key":"day-15695"}`,
		},
		core.EffectOblige: {
			core.HookQuote, `{"kind":"hand_in","data":{"units":"quantity","brand":"input.trade_in.brand","fair":true,"n":1}}`,
			`{"data":{"brand":"Xiaomi","fair":true,"n":1,"units":2},"kind":"hand_in"}`,
		},
		core.EffectGrant:  {core.HookPaid, `{"pool":"flyme-50","count":1}`, `{"count":1,"pool":"flyme-50"}`},
		core.EffectEnter:  {core.HookShare, `{"draw":"phones","weight":"quantity"}`, `{"draw":"phones","weight":2}`},
		core.EffectTag:    {core.HookQuote, `{"key":"tier","value":{"expr":"shopper.tier"}}`, `{"key":"tier","value":"gold"}`},
		core.EffectNotify: {core.HookQuote, `{"template":"hello","data":{}}`, `{"data":{},"template":"hello"}`},
		core.EffectReply:  {core.HookMessage, `{"text":{"zh":"已发货"}}`, `{"text":{"zh":"已发货"}}`},
	}
}

func TestEveryEffectIsMadeAsCoreWritesIt(t *testing.T) {
	samples := everyEffect()
	for _, kind := range core.EffectKinds() {
		sample, ok := samples[kind]
		if !ok {
			t.Errorf("there is no sample of %s", kind)
			continue
		}
		raw := `{"rule":"test","hook":"` + string(sample.hook) + `","then":[{"` + string(kind) + `":` + sample.written + `}]}`
		mechanic, err := rules.CompileJSON(json.RawMessage(raw), nil)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		effects, _ := decide(t, mechanic, testFacts())
		got, err := json.Marshal(effects)
		if want := `[{"` + string(kind) + `":` + sample.asked + `}]`; err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
		if uses := mechanic.Manifest().Effects; !slices.Equal(uses, []core.EffectKind{kind}) {
			t.Errorf("%s: the manifest lists %v", kind, uses)
		}
	}
}

// TestEveryEffectHasTheFieldsOfCore: a field that the rule knows and core does not, or the other way round, would be
// an effect that one of the two cannot say.
func TestEveryEffectHasTheFieldsOfCore(t *testing.T) {
	for kind, sample := range everyEffect() {
		var written, known map[string]json.RawMessage
		if err := json.Unmarshal([]byte(sample.written), &written); err != nil {
			t.Fatal(err)
		}
		canonical, err := json.Marshal(core.Effect{Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		var wrapped map[string]json.RawMessage
		if err := errors.Join(json.Unmarshal(canonical, &wrapped), json.Unmarshal(wrapped[string(kind)], &known)); err != nil {
			t.Fatal(err)
		}
		for name := range known {
			raw := `{"rule":"test","hook":"` + string(sample.hook) + `","then":[{"` + string(kind) + `":{"` + name + `":{}}}]}`
			for _, problem := range problemsOf(t, json.RawMessage(raw), nil) {
				if strings.Contains(problem.Message, "has no field") {
					t.Errorf("%s.%s is core's: %s", kind, name, problem)
				}
			}
		}
		for name := range written {
			if _, ok := known[name]; !ok {
				t.Errorf("%s.%s is not core's", kind, name)
			}
		}
	}
}

func TestEffectsAreOnlyThoseOfTheHook(t *testing.T) {
	for kind, sample := range everyEffect() {
		for _, hook := range []core.Hook{core.HookReserve, core.HookShare, core.HookQuote, core.HookPaid, core.HookMessage} {
			raw := `{"rule":"test","hook":"` + string(hook) + `","then":[{"` + string(kind) + `":` + sample.written + `}]}`
			_, err := rules.CompileJSON(json.RawMessage(raw), nil)
			if allowed := kind.Allowed(hook); (err == nil) != allowed {
				t.Errorf("%s at %s: %v, want it allowed to be %t", kind, hook, err, allowed)
			}
		}
	}
}

func TestTheFirstCaseThatMatchesApplies(t *testing.T) {
	mechanic := mustCompile(t, `
rule: tiers
hook: quote
cases:
  - when: item.sold < 100 && quantity == 1
    then: [{price: {amount: 100}}]
  - when: item.sold < 200
    then: [{price: {amount: 200}}, {once: {key: early}}]
  - when: item.sold < 300
    then: []
  - when: item.sold < 400 && quantity == 1
    then: [{price: {amount: 400}}]
`, nil)
	for _, c := range []struct {
		sold, quantity int64
		want, clause   string
	}{
		{99, 1, `[{"price":{"amount":100,"label":""}}]`, ""},
		{99, 2, `[{"price":{"amount":200,"label":""}},{"once":{"key":"early"}}]`, ""},
		{199, 1, `[{"price":{"amount":200,"label":""}},{"once":{"key":"early"}}]`, ""},
		{200, 1, `[]`, ""},
		{399, 1, `[{"price":{"amount":400,"label":""}}]`, ""},
		{399, 2, `[]`, "quantity == 1"},
		{400, 1, `[]`, "item.sold < 400"},
	} {
		facts := &core.Facts{Quantity: c.quantity, Item: core.ItemFacts{Sold: c.sold}}
		effects, clause := decide(t, mechanic, facts)
		got, err := json.Marshal(append([]core.Effect{}, effects...))
		if err != nil || string(got) != c.want || clause != c.clause {
			t.Errorf("sold %d, quantity %d: %s, %q, %v, want %s, %q", c.sold, c.quantity, got, clause, err, c.want, c.clause)
		}
	}
}

func TestAComputedNameThatCannotBeOneFails(t *testing.T) {
	mechanic := mustCompile(t, `
rule: test
hook: quote
then: [{once: {key: {expr: input.key}}}]
`, nil)
	for _, key := range []string{"", strings.Repeat("k", 129)} {
		before := []core.Effect{{Kind: core.EffectOnce, Name: "earlier"}}
		facts := &core.Facts{Input: core.Object{"key": key}}
		effects, _, err := mechanic.Decide(core.HookQuote, facts, before)
		failure, ok := errors.AsType[*core.MechanicError](err)
		if !ok || failure.Code != "bad_effect" || len(effects) != 1 {
			t.Errorf("%.3q: %v, %v, want bad_effect and the effects as they came", key, effects, err)
		}
	}
}

func TestEffectsAreAppendedAndOtherHooksSayNothing(t *testing.T) {
	mechanic := mustCompile(t, "rule: test\nhook: quote\nthen: [{once: {key: k}}]\n", nil)
	before := []core.Effect{{Kind: core.EffectOnce, Name: "earlier"}}
	effects, _, err := mechanic.Decide(core.HookQuote, &core.Facts{}, before)
	if err != nil || len(effects) != 2 || effects[0].Name != "earlier" || effects[1].Name != "k" {
		t.Errorf("quote: %v, %v", effects, err)
	}
	effects, usage, err := mechanic.Decide(core.HookPaid, &core.Facts{}, before)
	if err != nil || len(effects) != 1 || usage != (core.Usage{}) {
		t.Errorf("paid: %v, %v, %v", effects, usage, err)
	}
}

func TestDataStaysJSONWhateverAShopperSubmits(t *testing.T) {
	for _, submitted := range []string{`"}`, "\x00\x1f\n", "\\", "\u2028<&>", "\xff\xfe", "小米", `{"a":1}`} {
		facts := &core.Facts{Input: core.Object{"note": submitted}}
		var got string
		if err := json.Unmarshal([]byte(evaluate(t, "input.note", facts)), &got); err != nil {
			t.Errorf("%q: %v", submitted, err)
		}
		if want := strings.ToValidUTF8(strings.ReplaceAll(submitted, "\xff\xfe", "\ufffd\ufffd"), "\ufffd"); got != want {
			t.Errorf("%q became %q", submitted, got)
		}
	}
}
