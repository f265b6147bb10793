package core

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func tradeInManifest() *Manifest {
	one, most := int64(1), int64(100)
	return &Manifest{
		Name: "trade-in", Hooks: []Hook{HookQuote},
		Facts:   []string{"item.sku", "config.brands", "input.trade_in.brand"},
		Effects: []EffectKind{EffectDiscount},
		Config: map[string]Param{
			"amount": {Type: "integer", Min: &one, Max: &most, Default: int64(50)},
			"brands": {Type: "list", Of: "string", Default: []any{"Samsung"}},
			"sku":    {Type: "string", Default: ""},
			"mode":   {Type: "string", Values: []string{"open", "closed"}, Default: "open"},
			"strict": {Type: "boolean"},
			"tiers":  {Type: "list", Of: "integer", Min: &one, Default: []any{}},
		},
	}
}

func TestConfigureMergesDefaultsBelowTheBinding(t *testing.T) {
	got, problems := tradeInManifest().Configure(Object{"strict": false, "brands": []any{}, "tiers": []any{int64(3)}})
	if problems.Err() != nil {
		t.Fatal(problems)
	}
	want := Object{
		"amount": int64(50), "brands": []any{}, "sku": "", "mode": "open", "strict": false, "tiers": []any{int64(3)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestConfigureAcceptsIntegersOfEveryDecoder(t *testing.T) {
	for _, value := range []any{7, int64(7), float64(7), json.Number("7")} {
		m := &Manifest{Config: map[string]Param{"n": {Type: "integer", Default: value}}}
		got, problems := m.Configure(nil)
		if problems.Err() != nil || got["n"] != int64(7) {
			t.Errorf("default %T: got %v, %v", value, got, problems)
		}
	}
}

func TestConfigureDoesNotShareItsLists(t *testing.T) {
	m := tradeInManifest()
	given := Object{"strict": true, "brands": []any{"Nokia"}}
	got, _ := m.Configure(given)
	list, _ := given["brands"].([]any)
	list[0] = "changed"
	if kept, _ := got["brands"].([]any); kept[0] != "Nokia" {
		t.Error("the configured list is the caller's")
	}
}

func TestConfigureNamesEveryProblem(t *testing.T) {
	_, problems := tradeInManifest().Configure(Object{
		"amuont": int64(1), "amount": int64(0), "brands": []any{"a", int64(2), 1.5}, "sku": true, "mode": "opne",
		"tiers": Object{}, "zzzzzzzz": true,
	})
	want := []string{
		`config.amuont: trade-in has no such parameter (did you mean amount?)`,
		`config.zzzzzzzz: trade-in has no such parameter`,
		`config.amount: must be at least 1, not 0`,
		`config.brands[1]: must be a string, not integer`,
		`config.brands[2]: must be a string, not number`,
		`config.mode: must be one of ["open" "closed"], not "opne" (did you mean open?)`,
		`config.sku: must be a string, not boolean`,
		`config.strict: is required: trade-in has no default for it`,
		`config.tiers: must be a list of integers, not object`,
	}
	if got := problems.Error(); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestConfigureBoundsIntegersAndTheirLists(t *testing.T) {
	_, problems := tradeInManifest().Configure(Object{"strict": true, "amount": int64(101), "tiers": []any{int64(0), []any{}}})
	want := "config.amount: must be at most 100, not 101\nconfig.tiers[0]: must be at least 1, not 0\nconfig.tiers[1]: must be an integer, not list"
	if got := problems.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestValidateAcceptsAProperManifest(t *testing.T) {
	if err := tradeInManifest().Validate().Err(); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesEveryProblemOfAManifest(t *testing.T) {
	one := int64(1)
	m := &Manifest{
		Name:    "12",
		Hooks:   []Hook{"qoute", HookPaid, HookPaid},
		Facts:   []string{"item.skv", "config.amuont", "now"},
		Effects: []EffectKind{EffectDiscount, "discuont", EffectGrant},
		Config: map[string]Param{
			"9":      {Type: "string"},
			"amount": {Type: "integer", Default: int64(0), Min: &one},
			"count":  {Type: "list", Of: "integer", Names: "quota"},
			"gift":   {Type: "string", Names: "itme"},
			"kind":   {Type: "strnig"},
			"list":   {Type: "list", Of: "boolean"},
			"range":  {Type: "integer", Of: "string", Min: &one, Max: new(int64)},
		},
	}
	want := []string{
		`name: must be 1 to 63 letters, digits, _ and -, not only digits`,
		`hooks[0]: there is no hook "qoute" (did you mean quote?)`,
		`hooks[2]: paid is named twice`,
		`facts[0]: there is no fact "item.skv" (did you mean item.sku?)`,
		`facts[1]: "amuont" is not a parameter of config (did you mean amount?)`,
		`effects[0]: discount cannot be used at [qoute paid paid]`,
		`effects[1]: there is no effect "discuont" (did you mean discount?)`,
		`config.9: a parameter's name is 1 to 63 letters, digits, _ and -, not only digits`,
		`config.amount.default: must be at least 1, not 0`,
		`config.count.names: only a string, or a list of them, names something`,
		`config.gift.names: must be one of ["draw" "item" "pool" "quota" "template"], not "itme" (did you mean item?)`,
		`config.kind.type: there is no type "strnig" (did you mean string?)`,
		`config.list.of: a list is of string or integer, not "boolean"`,
		`config.range.of: only a list is of something`,
		`config.range.min: 1 is above max 0`,
	}
	if got := m.Validate().Error(); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if got := (&Manifest{Name: "a"}).Validate().Error(); got != "hooks: names no hook" {
		t.Errorf("got %s", got)
	}
}

func TestEffectKindsAreAllKnownAndUsableSomewhere(t *testing.T) {
	for _, kind := range EffectKinds() {
		usable := false
		for _, hook := range Hooks() {
			usable = usable || kind.Allowed(hook)
		}
		if (&Effect{Kind: kind}).fields() == nil || !usable {
			t.Errorf("%s has no fields or no hook", kind)
		}
	}
	if len(EffectKinds()) != 15 {
		t.Errorf("%d effects, want 15", len(EffectKinds()))
	}
}

func TestNearest(t *testing.T) {
	known := []string{"item.price", "item.sku", "quantity", "now"}
	for name, want := range map[string]string{
		"item.prise": "item.price", "item.sk": "item.sku", "quantiti": "quantity", "nwo": "", "no": "now",
		"entirely different": "", "": "", strings.Repeat("x", 300): "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
