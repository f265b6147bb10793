package core

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// canonical renders any JSON with sorted keys, by way of encoding/json's maps.
func canonical(t interface{ Fatal(...any) }, data []byte) string {
	var object Object
	if err := json.Unmarshal(data, &object); err != nil {
		t.Fatal(err, string(data))
	}
	var sorted bytes.Buffer
	encoder := json.NewEncoder(&sorted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(object); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(sorted.String(), "\n")
}

// anyText draws strings with everything that needs care in JSON.
func anyText() *rapid.Generator[string] {
	return rapid.StringOf(rapid.SampledFrom([]rune("abc \"\\\n\t\x00é中😀/'<&")))
}

func anyFacts() *rapid.Generator[Facts] {
	return rapid.Custom(func(t *rapid.T) Facts {
		var f Facts
		fillAny(t, reflect.ValueOf(&f).Elem())
		return f
	})
}

// fillAny fills a struct of facts with arbitrary values, by reflection, so that a new fact cannot be forgotten.
func fillAny(t *rapid.T, v reflect.Value) {
	for i := range v.NumField() {
		field, name := v.Field(i), v.Type().Field(i).Name
		switch field.Interface().(type) {
		case int64:
			field.SetInt(rapid.OneOf(rapid.Just(int64(0)), rapid.Int64()).Draw(t, name))
		case string:
			field.SetString(anyText().Draw(t, name))
		case []string:
			field.Set(reflect.ValueOf(rapid.SliceOfN(anyText(), 0, 3).Draw(t, name)))
		case map[string]int64:
			field.Set(reflect.ValueOf(rapid.MapOfN(anyText(), rapid.Int64(), 0, 3).Draw(t, name)))
		case Object:
			values := rapid.MapOfN(anyText(), randomValue(2), 0, 3).Draw(t, name)
			field.Set(reflect.ValueOf(Object(values)))
		default:
			if rapid.Bool().Draw(t, name+" present") {
				fillAny(t, field)
			}
		}
	}
}

func randomValue(depth int) *rapid.Generator[any] {
	scalar := rapid.OneOf(rapid.Int64().AsAny(), anyText().AsAny(), rapid.Bool().AsAny())
	if depth == 0 {
		return scalar
	}
	list := rapid.SliceOfN(randomValue(depth-1), 0, 3)
	object := rapid.Map(rapid.MapOfN(anyText(), randomValue(depth-1), 0, 3), func(m map[string]any) any { return Object(m) })
	return rapid.OneOf(scalar, list.AsAny(), object)
}

func TestPinnedFactsAreWhatEncodingJSONSaysWithSortedKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts().Draw(t, "facts")
		plain, err := json.Marshal(&f)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(f.appendJSON(nil)), canonical(t, plain); got != want {
			t.Fatalf("pinned\n%s\nwant\n%s", got, want)
		}
	})
}

func TestFactsSurviveBeingPinned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts().Draw(t, "facts")
		pinned := f.appendJSON(nil)
		var back Facts
		if err := json.Unmarshal(pinned, &back); err != nil {
			t.Fatal(err)
		}
		if again := string(back.appendJSON(nil)); again != string(pinned) {
			t.Fatalf("read back and pinned again\n%s\nwas\n%s", again, pinned)
		}
	})
}

func TestAPinnedDecisionNamesEverythingAReplayNeeds(t *testing.T) {
	r := rulesetOf(nil, []string{""}, &proposal{name: "m", effects: []Effect{discount(100)}})
	facts := Facts{Quantity: 1, Item: ItemFacts{SKU: "s", Price: 1000}}
	d, err := r.decide(HookQuote, &facts, testCampaign, -1)
	if err != nil {
		t.Fatal(err)
	}
	d.ruleset = 3
	pinned := string(d.pin(&facts, 7))
	const want = `{"bindings":[{"digest":"sha256:m","effects":[{"discount":{"amount":100,"label":""}}],"fuel":0,"mechanic":"m","outcome":"applied"}],"budget_left":-1,` +
		`"engine":"2","epoch":7,"facts":{"campaign":{"brand":"","currency":"","id":"","phase":"","sale_closes":0,"sale_opens":0},` +
		`"item":{"left":0,"price":1000,"sku":"s","sold":0,"stock":0},"now":0,"quantity":1,"shopper":{"id":""}},"fuel_schedule":"2","guardrails":{"discount_budget":0,"max_discount":0,"min_price":0},"ruleset":3,"total":900}`
	if pinned != want {
		t.Errorf("pinned\n%s\nwant\n%s", pinned, want)
	}
	if canonical(t, []byte(pinned)) != pinned {
		t.Error("the keys are not sorted")
	}
}

func TestEffectsSurviveTheirJSON(t *testing.T) {
	for _, kind := range []EffectKind{
		EffectDeny, EffectDiscount, EffectDiscountPercent, EffectPrice, EffectAdd, EffectDeposit, EffectGroup, EffectTake,
		EffectOnce, EffectOblige, EffectGrant, EffectEnter, EffectTag, EffectNotify, EffectReply,
	} {
		e := Effect{Kind: kind}
		for i, f := range e.fields() {
			switch v := f.value.(type) {
			case *int64:
				*v = int64(i + 1)
			case *string:
				*v = "text \"" + f.name
			case *Text:
				*v = Text{EN: f.name, ZH: "中"}
			case data:
				*v.text = `{"a":1,"b":"x"}`
			}
		}
		encoded, err := json.Marshal(e)
		if err != nil {
			t.Fatal(kind, err)
		}
		var back Effect
		if err := json.Unmarshal(encoded, &back); err != nil || back != e {
			t.Errorf("%s: %s came back as %+v, %v", kind, encoded, back, err)
		}
	}
}

func TestAnEffectsJSONIsStrict(t *testing.T) {
	for name, input := range map[string]string{
		"an unknown kind":   `{"teleport":{}}`,
		"an unknown field":  `{"discount":{"amount":1,"colour":"red"}}`,
		"two kinds":         `{"discount":{"amount":1},"once":{"key":"k"}}`,
		"no kind":           `{}`,
		"a float":           `{"discount":{"amount":1.5}}`,
		"data with a float": `{"oblige":{"kind":"k","data":{"a":0.1}}}`,
		"data with a null":  `{"oblige":{"kind":"k","data":{"a":null}}}`,
	} {
		var e Effect
		if err := json.Unmarshal([]byte(input), &e); err == nil {
			t.Errorf("%s: %s was accepted as %+v", name, input, e)
		}
	}
}
