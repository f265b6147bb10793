package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/sdk/toolchain"
	"hotdrop/rules"
)

// The open part of the vocabulary is what a campaign and a binding bring: one path of each kind.
var (
	openFacts  = []string{"quota.trade-in", "quota.none", "input.device.brand", "input.device.fair", "input.note", "input.none"}
	parameters = []string{"config.amount", "config.empty", "config.ids", "config.open", "config.shut", "config.word"}
)

func parametersOfEveryType() map[string]core.Param {
	return map[string]core.Param{
		"amount": {Type: "integer", Default: int64(-1 << 63)},
		"empty":  {Type: "string", Default: ""},
		"ids":    {Type: "list", Of: "integer", Default: []any{int64(7), int64(0)}},
		"open":   {Type: "boolean", Default: true},
		"shut":   {Type: "boolean", Default: false},
		"word":   {Type: "string", Default: "退"},
	}
}

// vocabulary is every path there is, with the first two elements of what is a list.
func vocabulary() []string {
	paths := slices.Concat(core.FactPaths(), openFacts, parameters)
	for _, list := range []string{"shopper.tags", "config.ids"} {
		paths = append(slices.DeleteFunc(paths, func(path string) bool { return path == list }), list+".0", list+".1")
	}
	slices.Sort(paths)
	return paths
}

// TestARuleAndAPluginSeeTheSameFacts binds a rule and a plugin that both tell what they see at every path of the vocabulary,
// and holds them together over facts of every kind: all there, none there, and whatever can be drawn.
func TestARuleAndAPluginSeeTheSameFacts(t *testing.T) {
	paths := vocabulary()
	rule, plugin := tellingRule(t, paths), tellingPlugin(t, paths)
	compare := func(t failing, facts *core.Facts) {
		told, seen := ruleSees(t, rule, facts), pluginSees(t, plugin, facts)
		for _, path := range paths {
			if told[path] != seen[path] {
				t.Fatalf("%s: the rule sees %#v, the plugin %#v", path, told[path], seen[path])
			}
		}
	}
	compare(t, &core.Facts{})
	rapid.Check(t, func(t *rapid.T) { compare(t, drawnFacts(t)) })
}

// TestTheVocabularyIsWholeInItsTest keeps a path from being compared as absent with absent only.
func TestTheVocabularyIsWholeInItsTest(t *testing.T) {
	present := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		facts := drawnFacts(t)
		for _, path := range vocabulary() {
			present[path] = present[path] || facts.Lookup(path).Kind != core.ValueAbsent
		}
	})
	for _, path := range vocabulary() {
		if never := strings.HasSuffix(path, ".none") || strings.HasPrefix(path, "config."); present[path] == never {
			t.Errorf("%s was drawn: %v", path, present[path])
		}
	}
}

type failing interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// drawnFacts fills every field, with nothing often.
func drawnFacts(t *rapid.T) *core.Facts {
	integers := rapid.OneOf(rapid.SampledFrom([]int64{0, 1, -1, 1 << 53, 1<<63 - 1, -1 << 63}), rapid.Int64())
	texts := rapid.OneOf(rapid.Just(""), rapid.StringN(0, 6, 18))
	facts := &core.Facts{}
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for _, field := range v.Fields() {
				fill(field)
			}
		case reflect.Int64:
			v.SetInt(integers.Draw(t, "integer"))
		case reflect.String:
			v.SetString(texts.Draw(t, "text"))
		case reflect.Slice:
			v.Set(reflect.ValueOf(rapid.SliceOfN(texts, 0, 3).Draw(t, "tags")))
		default: // the open blocks have theirs below
		}
	}
	fill(reflect.ValueOf(facts).Elem())
	if rapid.Bool().Draw(t, "open blocks") {
		facts.Quota = map[string]int64{"trade-in": integers.Draw(t, "quota")}
		facts.Input = core.Object{
			"device": core.Object{"brand": texts.Draw(t, "brand"), "fair": rapid.Bool().Draw(t, "fair")},
			"note":   rapid.OneOf(integers.AsAny(), texts.AsAny(), rapid.Bool().AsAny()).Draw(t, "note"),
		}
	}
	return facts
}

// tellingRule returns a rule that asks for two messages: of the values at the paths, and of which of them are absent.
func tellingRule(t *testing.T, paths []string) core.Mechanic {
	t.Helper()
	values, absent := map[string]string{}, map[string]string{}
	for _, path := range paths {
		expression := spelled(path)
		values[path], absent[path] = expression, expression+" == nil"
		list, index, isElement := strings.Cut(expression, "[")
		if isElement && index[0] != '"' {
			has := fmt.Sprintf("len(%s) > %c", list, index[0])
			values[path] = fmt.Sprintf("(%s ? %s : nil)", has, expression)
			absent[path] = values[path] + " == nil"
		}
	}
	notify := func(template string, data map[string]string) any {
		return map[string]any{"notify": map[string]any{"template": template, "data": data}}
	}
	file, err := json.Marshal(map[string]any{
		"rule": "telling", "hook": "paid", "config": parametersOfEveryType(),
		"then": []any{notify("values", values), notify("absent", absent)},
	})
	if err != nil {
		t.Fatal(err)
	}
	mechanic, err := rules.CompileJSON(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return mechanic
}

// spelled writes a path as an expression: quota["trade-in"], shopper.tags[0].
func spelled(path string) string {
	parts := strings.Split(path, ".")
	expression := parts[0]
	for _, part := range parts[1:] {
		switch {
		case part == "0" || part == "1":
			expression += "[" + part + "]"
		case strings.Contains(part, "-"):
			expression += `["` + part + `"]`
		default:
			expression += "." + part
		}
	}
	return expression
}

// ruleSees returns the values that the rule told, without those it told to be absent.
func ruleSees(t failing, rule core.Mechanic, facts *core.Facts) core.Object {
	t.Helper()
	effects, _, err := rule.Decide(core.HookPaid, facts, nil)
	if err != nil {
		t.Fatal(err)
	}
	values, absent := object(t, effects[0].Data), object(t, effects[1].Data)
	for path, is := range absent {
		if is == true {
			delete(values, path)
		}
	}
	return values
}

func object(t failing, text string) core.Object {
	t.Helper()
	var o core.Object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return o
}

// tellingPlugin returns the C SDK's conformance plugin, which tells what it sees at the paths of its config.
func tellingPlugin(t *testing.T, paths []string) core.Mechanic {
	t.Helper()
	const folder = "../../plugins/sdk/c/"
	guest := toolchain.Guest{Language: "c", Recipe: folder + "build.sh", Source: folder + "testdata/conformance.c"}
	module := guest.Build(t, guest.Source, folder+"hotdrop.h")
	config := parametersOfEveryType()
	config["paths"] = core.Param{Type: "list", Of: "string"}
	config["ids"] = core.Param{Type: "list", Of: "integer", Default: []any{int64(7), int64(0)}}
	manifest := &core.Manifest{
		Name: "telling", Hooks: core.Hooks(), Effects: core.EffectKinds(), Config: config,
		Facts: slices.Concat(core.FactPaths(), openFacts, parameters, []string{"config.paths", "input.fair", "input.unfair"}),
	}
	host, err := plugins.NewHost(t.Context(), plugins.Options{Limits: plugins.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close(t.Context()) })
	plugin, err := host.Load(t.Context(), manifest, module)
	if err != nil {
		t.Fatal(err)
	}
	given := make([]any, len(paths))
	for i, path := range paths {
		given[i] = path
	}
	mechanic, err := plugin.Bind(core.Object{"paths": given})
	if err != nil {
		t.Fatal(err)
	}
	return mechanic
}

func pluginSees(t failing, plugin core.Mechanic, facts *core.Facts) core.Object {
	t.Helper()
	effects, _, err := plugin.Decide(core.HookPaid, facts, nil)
	if err != nil {
		t.Fatal(err)
	}
	return object(t, effects[len(effects)-1].Data)
}
