package vet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

// wide is a manifest that declares every fact of the vocabulary, inputs, a quota and parameters of every type.
func wide() *core.Manifest {
	least, most := int64(1), int64(9)
	return &core.Manifest{
		Name: "wide", Hooks: core.Hooks(), Effects: core.EffectKinds(),
		Facts: append(core.FactPaths(), "quota.gift", "input.color", "input.device.brand", "input.device.parts", "config.n"),
		Config: map[string]core.Param{
			"n":     {Type: "integer", Min: &least, Max: &most},
			"mode":  {Type: "string", Values: []string{"a", "b"}, Default: "a"},
			"on":    {Type: "boolean", Default: false},
			"words": {Type: "list", Of: "string", Default: []any{}},
			"ids":   {Type: "list", Of: "integer", Default: []any{}},
		},
	}
}

func wideVectors() []campaignfile.Vector {
	return []campaignfile.Vector{
		{Name: "first", Hook: core.HookQuote, Config: core.Object{"n": int64(2)}, Facts: core.Facts{Quantity: 3, Input: core.Object{"color": "red"}}},
		{Name: "second", Hook: core.HookQuote, Config: core.Object{"n": int64(3)}, Facts: core.Facts{Input: core.Object{"device": core.Object{"brand": "M", "parts": []any{"case"}}}}},
	}
}

func TestTheKindOfEveryDeclaredFactIsKnown(t *testing.T) {
	want := map[string]core.ValueKind{
		"now": core.ValueInteger, "shopper.tags": core.ValueList, "item.sku": core.ValueString, "quota.gift": core.ValueInteger,
		"input.color": core.ValueString, "input.device.brand": core.ValueString, "input.device.parts": core.ValueList,
		"voucher.value": core.ValueInteger, "message.text": core.ValueString,
	}
	for _, p := range pathsOf(wide(), wideVectors()) {
		if len(p.kinds) != 1 || p.kinds[0] == core.ValueAbsent {
			t.Errorf("%s is of the kinds %v", p.name, p.kinds)
		} else if kind, listed := want[p.name]; listed && kind != p.kinds[0] {
			t.Errorf("%s is of kind %s, want %s", p.name, p.kinds[0], kind)
		}
	}
	if got := inputKinds("nobody.knows", wideVectors()); len(got) != 4 {
		t.Errorf("an input that no vector has is of the kinds %v", got)
	}
}

// seenValue is what a sample had at a path.
type seenValue struct {
	kind core.ValueKind
	n    int64
	s    string
}

func TestEveryDeclaredFactIsAskedAtEveryExtremeAndIsWhatWasMeant(t *testing.T) {
	g := newGenerator(wide(), wideVectors(), "sha256:00")
	seen := map[string]map[seenValue]bool{}
	for s := range g.extremes() {
		for _, p := range g.paths {
			v := s.facts.Lookup(p.name)
			if seen[p.name] == nil {
				seen[p.name] = map[seenValue]bool{}
			}
			seen[p.name][seenValue{v.Kind, v.Int, v.Str}] = true
		}
	}
	for _, p := range g.paths {
		missing := seen[p.name][seenValue{}] || seen[p.name][seenValue{kind: core.ValueInteger}] // a block that every decision has
		if !missing {
			t.Errorf("%s was never absent or empty", p.name)
		}
		for _, extreme := range extremes(p.kinds[0]) {
			switch v := extreme.v.(type) {
			case int64:
				if v != 0 && !seen[p.name][seenValue{core.ValueInteger, v, ""}] {
					t.Errorf("%s was never %s", p.name, extreme.words)
				}
			case string:
				if v != "" && !seen[p.name][seenValue{core.ValueString, 0, v}] {
					t.Errorf("%s was never %s", p.name, extreme.words)
				}
			}
		}
	}
}

func TestListsAreAskedEmptyAndLong(t *testing.T) {
	g := newGenerator(wide(), wideVectors(), "sha256:00")
	for _, name := range []string{"shopper.tags", "input.device.parts"} {
		longest, empty := 0, false
		for s := range g.extremes() {
			n := s.facts.Lookup(name).Len()
			longest, empty = max(longest, n), empty || n == 0
		}
		if longest != longList || !empty {
			t.Errorf("%s: longest %d, empty %v", name, longest, empty)
		}
	}
}

func TestEverySampleHasParametersThatTheManifestAllows(t *testing.T) {
	g := newGenerator(wide(), wideVectors(), "sha256:00")
	seen := map[any]bool{}
	check := func(s sample) {
		configured, problems := g.manifest.Configure(s.config)
		if problems.Err() != nil {
			t.Fatalf("%s: %v", s.name, problems)
		}
		seen[configured["n"]], seen[configured["mode"]], seen[configured["on"]] = true, true, true
		ids, _ := configured["ids"].([]any)
		seen[len(ids)] = true
	}
	for s := range g.extremes() {
		check(s)
	}
	for want := range map[any]bool{int64(1): true, int64(9): true, "a": true, "b": true, true: true, false: true, 0: true, longList: true} {
		if !seen[want] {
			t.Errorf("no parameter was ever %v", want)
		}
	}
	for i := range 300 {
		check(g.generated(i))
	}
	for s := range newGenerator(wide(), nil, "sha256:00").plain() {
		check(s)
	}
}

func TestGeneratedSetsRepeatForAModuleAndDifferBetweenModules(t *testing.T) {
	a, again, b := newGenerator(wide(), wideVectors(), "sha256:aa"), newGenerator(wide(), wideVectors(), "sha256:aa"), newGenerator(wide(), wideVectors(), "sha256:bb")
	same, distinct := 0, map[string]bool{}
	for i := range 200 {
		one := a.generated(i)
		if !reflect.DeepEqual(one, again.generated(i)) {
			t.Fatalf("set %d differs when it is generated again", i)
		}
		if reflect.DeepEqual(one, b.generated(i)) {
			same++
		}
		distinct[strings.Join([]string{string(one.hook), one.facts.Item.SKU, one.facts.Shopper.ID, one.facts.Message.Text}, "\x00")] = true
	}
	if same > 2 || len(distinct) < 150 {
		t.Errorf("%d sets are those of another module, %d are distinct", same, len(distinct))
	}
}

func TestGeneratedSetsReachEveryHookAndVector(t *testing.T) {
	g := newGenerator(wide(), wideVectors(), "sha256:00")
	hooks, third := map[core.Hook]int{}, 0
	for i := range 1_000 {
		s := g.generated(i)
		hooks[s.hook]++
		if s.facts.Quantity == 3 {
			third++ // the first vector's, left alone
		}
		if s.hook == core.HookMessage && s.facts.Item.Price == math.MaxInt64 {
			third++
		}
	}
	for _, hook := range core.Hooks() {
		if hooks[hook] < 100 {
			t.Errorf("%d sets at %s", hooks[hook], hook)
		}
	}
	if third == 0 {
		t.Error("no set comes from a vector")
	}
}

func TestASampleChangesOnlyWhatItSays(t *testing.T) {
	base := sample{name: "base", facts: plainFacts()}
	base.facts.Quota = map[string]int64{"gift": 5}
	base.facts.Input = core.Object{"device": core.Object{"brand": "M", "model": "2"}, "big": int64(math.MaxInt64)}
	got := base.with("words", []change{{"input.device.brand", "x"}, {"quota.gift", int64(-1)}, {"shopper.tags", nil}, {"item.price", int64(math.MinInt64)}})
	want := base.facts
	want.Item.Price, want.Shopper.Tags = math.MinInt64, nil
	want.Quota, want.Input = map[string]int64{"gift": -1}, core.Object{"device": core.Object{"brand": "x", "model": "2"}, "big": int64(math.MaxInt64)}
	if !reflect.DeepEqual(got.facts, want) || got.name != "words, else base" {
		t.Errorf("%s: %+v", got.name, got.facts)
	}
	if !slices.Equal(base.facts.Shopper.Tags, []string{"new"}) || base.facts.Quota["gift"] != 5 {
		t.Error("the base changed too")
	}
}

func TestABlockIsPresentWhenOneOfItsFactsIsSet(t *testing.T) {
	empty := sample{}
	for _, path := range []string{"reservation.position", "voucher.value", "group.size", "order.total"} {
		got := empty.with("", []change{{path, int64(7)}})
		if v := got.facts.Lookup(path); v.Int != 7 {
			t.Errorf("%s is %v", path, v)
		}
	}
	if got := empty.with("", []change{{"reservation.at", int64(0)}}).facts.Reservation; got.At != 0 {
		t.Errorf("reservation.at is %d, set to 0", got.At)
	}
	deep := empty.with("", []change{{"input.a", "scalar"}, {"input.a.b", int64(1)}, {"input.c.d", nil}}).facts.Input
	if !reflect.DeepEqual(deep, core.Object{"a": core.Object{"b": int64(1)}}) {
		t.Errorf("inputs %v", deep)
	}
}

func TestAnyValueOfAFactsKindIsReadBackFromWhereItWasPut(t *testing.T) {
	paths := pathsOf(wide(), wideVectors())
	rapid.Check(t, func(t *rapid.T) {
		base := sample{facts: plainFacts()}
		base.facts.Input = core.Object{"device": core.Object{"brand": "M"}}
		p := rapid.SampledFrom(paths).Draw(t, "path")
		var v any
		want := core.Value{Kind: p.kinds[0]}
		switch p.kinds[0] {
		case core.ValueInteger:
			want.Int = rapid.Int64().Filter(func(n int64) bool { return n != 0 }).Draw(t, "n")
			v = want.Int
		case core.ValueString:
			want.Str = rapid.StringN(1, 20, 80).Draw(t, "s")
			v = want.Str
		default:
			v = []any{"first", "second"}
		}
		got := base.with("", []change{{p.name, v}})
		read := got.facts.Lookup(p.name)
		if read.Kind != want.Kind || read.Int != want.Int || read.Str != want.Str || (p.kinds[0] == core.ValueList && read.At(1).Str != "second") {
			t.Fatalf("%s is %v, want %v", p.name, read, v)
		}
		for _, other := range paths {
			before, after := base.facts.Lookup(other.name), got.facts.Lookup(other.name)
			if other.name != p.name && (before.Kind != after.Kind || before.Int != after.Int || before.Str != after.Str || before.Len() != after.Len()) {
				t.Fatalf("%s became %v when %s was set", other.name, after, p.name)
			}
		}
	})
}

func TestEveryRandomValueIsOfItsKind(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for kind := core.ValueInteger; kind <= core.ValueList; kind++ {
		distinct := map[string]bool{}
		for range 300 {
			object := core.Object{"v": random(r, kind)}
			v := object.Lookup("v")
			empty := v.Kind == core.ValueAbsent && kind != core.ValueInteger && kind != core.ValueBoolean
			if v.Kind != kind && !empty {
				t.Fatalf("%v is no %s", object, kind)
			}
			distinct[fmt.Sprint(object)] = true
		}
		if least := map[core.ValueKind]int{core.ValueBoolean: 2}[kind]; len(distinct) < max(least, 2) || (kind == core.ValueInteger && len(distinct) < 100) {
			t.Errorf("%d different values of kind %s", len(distinct), kind)
		}
	}
}
