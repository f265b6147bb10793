package campaignfile

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// shown renders differences as the tests below write them: "path: want → got".
func shown(differences []Difference) string {
	lines := make([]string, len(differences))
	for i, d := range differences {
		lines[i] = d.Path + ": " + strings.ReplaceAll(d.Want, "\n", " + ") + " → " + strings.ReplaceAll(d.Got, "\n", " + ")
	}
	return strings.Join(lines, "\n")
}

func TestADecisionIsComparedWithWhatTheVectorWants(t *testing.T) {
	deny := core.Effect{Kind: core.EffectDeny, Name: "too_late", Text: core.Text{EN: "Too late", ZH: "太晚了"}}
	denyEnglish := core.Effect{Kind: core.EffectDeny, Name: "too_late", Text: core.Text{EN: "Too late"}}
	once := core.Effect{Kind: core.EffectOnce, Name: "k"}
	five, six := core.Effect{Kind: core.EffectDiscount, Amount: 5}, core.Effect{Kind: core.EffectDiscount, Amount: 6}
	duty := core.Effect{Kind: core.EffectOblige, Name: "d", Data: `{"a":1,"b":"x"}`}
	trap := &core.MechanicError{Code: "trap", Message: "unreachable"}
	for _, tc := range []struct {
		name   string
		vector Vector
		got    []core.Effect
		err    error
		want   string
	}{
		{"nothing is wanted and nothing is asked for", Vector{}, nil, nil, ""},
		{"the failure that is wanted", Vector{Error: "trap"}, nil, trap, ""},
		{"another failure", Vector{Error: "out_of_fuel"}, nil, trap, "error: error: out_of_fuel → error: trap: unreachable"},
		{"no failure where one is wanted", Vector{Error: "trap"}, []core.Effect{once, five}, nil, `error: error: trap → once: {key: k} + discount: {amount: 5, label: ""}`},
		{"a failure where effects are wanted", Vector{Effects: []core.Effect{once}}, nil, trap, "effects: once: {key: k} → error: trap: unreachable"},
		{"a failure where nothing is wanted", Vector{}, nil, trap, "effects:  → error: trap: unreachable"},
		{"a failure where a denial is wanted", Vector{Denied: "too_late"}, nil, trap, "denied: deny: {reason: too_late} → error: trap: unreachable"},
		{"an error that is not a mechanic's", Vector{Error: "odd"}, nil, errors.New("odd\x1b[2J"), "error: error: odd → odd\ufffd[2J"},
		{"a failure says nothing to the terminal", Vector{}, nil, &core.MechanicError{Code: "failed", Message: "a\x1b]b\x07"}, "effects:  → error: failed: a\ufffd]b\ufffd"},
		{"the reason that is wanted, whatever the text", Vector{Denied: "too_late"}, []core.Effect{deny}, nil, ""},
		{"another reason", Vector{Denied: "too_early"}, []core.Effect{deny}, nil, "denied: deny: {reason: too_early} → deny: {reason: too_late, text: {en: Too late, zh: 太晚了}}"},
		{"a deny and something else", Vector{Denied: "too_late"}, []core.Effect{denyEnglish, once}, nil, "denied: deny: {reason: too_late} → deny: {reason: too_late, text: Too late} + once: {key: k}"},
		{"no deny", Vector{Denied: "too_late"}, nil, nil, "denied: deny: {reason: too_late} → "},
		{"a text that is wanted in English", Vector{Effects: []core.Effect{denyEnglish}}, []core.Effect{deny}, nil, ""},
		{"a text that is wanted in both languages", Vector{Effects: []core.Effect{deny}}, []core.Effect{denyEnglish}, nil, "effects[0]: deny: {reason: too_late, text: {en: Too late, zh: 太晚了}} → deny: {reason: too_late, text: Too late}"},
		{"another English text shows no Chinese", Vector{Effects: []core.Effect{{Kind: core.EffectDeny, Name: "too_late", Text: core.Text{EN: "Late"}}}}, []core.Effect{deny}, nil, "effects[0]: deny: {reason: too_late, text: Late} → deny: {reason: too_late, text: Too late}"},
		{"nothing where something is wanted", Vector{Effects: []core.Effect{once}}, nil, nil, "effects[0]: once: {key: k} → "},
		{"something where nothing is wanted", Vector{}, []core.Effect{once}, nil, "effects:  → once: {key: k}"},
		{"another amount stands beside the one that is wanted", Vector{Effects: []core.Effect{once, five, duty}}, []core.Effect{once, six, duty}, nil, `effects[1]: discount: {amount: 5, label: ""} → discount: {amount: 6, label: ""}`},
		{"one that is missing in the middle leaves the others alone", Vector{Effects: []core.Effect{once, five, duty}}, []core.Effect{once, duty}, nil, `effects[1]: discount: {amount: 5, label: ""} → `},
		{"one too many in the middle leaves the others alone", Vector{Effects: []core.Effect{once, duty}}, []core.Effect{once, five, duty}, nil, `effects:  → discount: {amount: 5, label: ""}`},
		{"another kind is missing and too many", Vector{Effects: []core.Effect{five}}, []core.Effect{once}, nil, "effects[0]: discount: {amount: 5, label: \"\"} → \neffects:  → once: {key: k}"},
		{"the order counts", Vector{Effects: []core.Effect{once, duty}}, []core.Effect{duty, once}, nil, "effects[0]: once: {key: k} → \neffects:  → once: {key: k}"},
		{"two of a kind in the other order are one missing and one too many", Vector{Effects: []core.Effect{five, six}}, []core.Effect{six, five}, nil, "effects[0]: discount: {amount: 5, label: \"\"} → \neffects:  → discount: {amount: 5, label: \"\"}"},
		{"data means the same whatever the order of its keys", Vector{Effects: []core.Effect{duty}}, []core.Effect{{Kind: core.EffectOblige, Name: "d", Data: `{"b": "x", "a": 1}`}}, nil, ""},
		{"no data is an empty object", Vector{Effects: []core.Effect{{Kind: core.EffectOblige, Name: "d", Data: "{}"}}}, []core.Effect{{Kind: core.EffectOblige, Name: "d"}}, nil, ""},
		{"data that is no object is not what is wanted", Vector{Effects: []core.Effect{duty}}, []core.Effect{{Kind: core.EffectOblige, Name: "d", Data: "\x1b["}}, nil, `effects[0]: oblige: {kind: d, data: {a: 1, b: x}} → oblige: {name: "d", data: "\x1b["}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := shown(tc.vector.Compare(tc.got, tc.err)); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestTheFieldsOfAnEffectAreInTheOrderOfTheDesign(t *testing.T) {
	for want, effect := range map[string]core.Effect{
		"deny: {reason: r, text: t}":                             {Kind: core.EffectDeny, Name: "r", Text: core.Text{EN: "t"}},
		"discount: {amount: 1, label: l}":                        {Kind: core.EffectDiscount, Amount: 1, Text: core.Text{EN: "l"}},
		"discount_percent: {basis_points: 1, label: l}":          {Kind: core.EffectDiscountPercent, Amount: 1, Text: core.Text{EN: "l"}},
		"price: {amount: 1, label: l}":                           {Kind: core.EffectPrice, Amount: 1, Text: core.Text{EN: "l"}},
		"add: {sku: s, units: 1, unit_price: 2, label: l}":       {Kind: core.EffectAdd, Name: "s", Units: 1, Amount: 2, Text: core.Text{EN: "l"}},
		"deposit: {amount: 1, credit: 2}":                        {Kind: core.EffectDeposit, Amount: 1, Credit: 2},
		"group: {size: 1, seconds: 2, price: 3}":                 {Kind: core.EffectGroup, Units: 1, Seconds: 2, Amount: 3},
		"take: {quota: q, units: 1}":                             {Kind: core.EffectTake, Name: "q", Units: 1},
		"once: {key: k}":                                         {Kind: core.EffectOnce, Name: "k"},
		"oblige: {kind: k, data: {}}":                            {Kind: core.EffectOblige, Name: "k"},
		"grant: {pool: p, count: 1}":                             {Kind: core.EffectGrant, Name: "p", Units: 1},
		"enter: {draw: d, weight: 1}":                            {Kind: core.EffectEnter, Name: "d", Units: 1},
		`tag: {key: k, value: "yes"}`:                            {Kind: core.EffectTag, Name: "k", Value: "yes"},
		"notify: {template: t, data: {at: '12:00', to: [1, a]}}": {Kind: core.EffectNotify, Name: "t", Data: `{"at":"12:00","to":[1,"a"]}`},
		"reply: {text: {en: a, zh: 折}}":                          {Kind: core.EffectReply, Text: core.Text{EN: "a", ZH: "折"}},
		`"bogus\e": {}`:                                          {Kind: "bogus\x1b"},
	} {
		if got := EffectText(effect); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// anyEffect is an effect with a text that may hold anything.
func anyEffect() *rapid.Generator[core.Effect] {
	return rapid.Custom(func(t *rapid.T) core.Effect {
		text := core.Text{EN: rapid.String().Draw(t, "en"), ZH: rapid.SampledFrom([]string{"", "折抵"}).Draw(t, "zh")}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return core.Effect{Kind: core.EffectDiscount, Amount: rapid.Int64().Draw(t, "amount"), Text: text}
		case 1:
			return core.Effect{Kind: core.EffectOnce, Name: rapid.SampledFrom([]string{"", "k", "true", "1", "~", "a: b"}).Draw(t, "key")}
		case 2:
			return core.Effect{Kind: core.EffectReply, Text: text}
		default:
			return core.Effect{Kind: core.EffectOblige, Name: "d", Data: `{"n":"yes","list":[1,"2",{"x":false}]}`}
		}
	})
}

// TestTheTextOfAnEffectIsTheEffect proves that what a diff shows can be copied into a vector file.
func TestTheTextOfAnEffectIsTheEffect(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		effect := anyEffect().Draw(t, "effect")
		line := EffectText(effect)
		if strings.ContainsFunc(line, func(c rune) bool { return c == '\n' || isControl(c) }) {
			t.Fatalf("%q is not one printable line", line)
		}
		if strings.ContainsFunc(effect.Text.EN, isControl) {
			return // no file may hold it, escaped or not
		}
		var read []core.Effect
		if _, err := Decode([]byte("- "+line+"\n"), &read); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if v := (&Vector{Effects: read}); len(v.Compare([]core.Effect{effect}, nil)) != 0 {
			t.Fatalf("%s means %+v, not %+v", line, read, effect)
		}
	})
}

// TestDifferencesAreWhatHasToChange: whoever takes what is not wanted out, and puts in what is missing, has what is wanted.
func TestDifferencesAreWhatHasToChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(anyEffect(), 0, 6).Draw(t, "want")
		got := rapid.SliceOfN(anyEffect(), 0, 6).Draw(t, "got")
		if rapid.Bool().Draw(t, "alike") {
			got = slices.Concat(want, got)
		}
		missing, extra := 0, 0
		for _, d := range (&Vector{Effects: want}).Compare(got, nil) {
			if d.Want == "" && d.Got == "" {
				t.Fatalf("a difference of nothing: %+v", d)
			}
			if d.Want != "" {
				missing++
			}
			if d.Got != "" {
				extra++
			}
		}
		if len(want)-missing != len(got)-extra {
			t.Fatalf("%d of %d wanted and %d of %d proposed differ: the rest cannot be the same", missing, len(want), extra, len(got))
		}
		if own := (&Vector{Effects: want}).Compare(want, nil); len(own) != 0 {
			t.Fatalf("the effects differ from themselves: %+v", own)
		}
	})
}
