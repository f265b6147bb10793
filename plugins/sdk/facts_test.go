package sdk_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
)

// openPaths are facts of the blocks that come with a campaign and a binding, one of each kind.
func openPaths() []string {
	return []string{
		"config.empty", "config.ids", "config.open", "config.word", "input.device.brand", "input.device.count", "input.fair", "quota.trade-in",
	}
}

// everyPath is the whole vocabulary, sorted, so that what the guest writes is canonical.
func everyPath() []string {
	paths := append(core.FactPaths(), openPaths()...)
	slices.Sort(paths)
	return paths
}

// reader is the manifest of a conformance plugin that may read everything.
func reader() *core.Manifest {
	m := manifest()
	m.Facts = append(slices.Concat(core.FactPaths(), openPaths()), "config.paths", "input.unfair")
	m.Config["open"] = core.Param{Type: "boolean", Default: true}
	m.Config["word"] = core.Param{Type: "string", Default: "退"}
	m.Config["empty"] = core.Param{Type: "string", Default: ""}
	return m
}

// filled returns facts in which every field has a value of its own, and which have something in every open block.
func filled() *core.Facts {
	facts := &core.Facts{
		Quota: map[string]int64{"trade-in": 7},
		Input: core.Object{"device": core.Object{"brand": "Xiaomi", "count": int64(-3)}, "fair": true},
	}
	next := int64(1)
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		next++
		switch v.Kind() {
		case reflect.Struct:
			for _, field := range v.Fields() {
				fill(field)
			}
		case reflect.Int64:
			v.SetInt(next<<40 + next)
		case reflect.String:
			v.SetString(fmt.Sprint("值", next))
		case reflect.Slice:
			v.Set(reflect.ValueOf([]string{"gold", "city=上海"}))
		default: // the open blocks have theirs
		}
	}
	fill(reflect.ValueOf(facts).Elem())
	return facts
}

// seen is what the engine says of the paths, in the form in which the conformance plugins write it: an absent fact is left
// out, a list is its elements.
func seen(t *testing.T, facts *core.Facts, paths []string) string {
	t.Helper()
	var fields []string
	var add func(path string, v core.Value)
	add = func(path string, v core.Value) {
		var value any
		switch v.Kind {
		case core.ValueInteger:
			value = v.Int
		case core.ValueString:
			value = v.Str
		case core.ValueBoolean:
			value = v.Int == 1
		default:
			for i := range v.Len() {
				add(fmt.Sprintf("%s.%d", path, i), v.At(i))
			}
			return
		}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		fields = append(fields, fmt.Sprintf("%q:%s", path, text))
	}
	for _, path := range paths {
		add(path, facts.Lookup(path))
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// TestEveryFactOfTheVocabularyReadsTheSameInEveryLanguage has the guests read every path there is, by a path that they get
// as a parameter, from facts that are all there and from facts that are not.
func TestEveryFactOfTheVocabularyReadsTheSameInEveryLanguage(t *testing.T) {
	manifest, paths := reader(), everyPath()
	given := make([]any, len(paths))
	for i, path := range paths {
		given[i] = path
	}
	config := core.Object{"paths": given}
	configured, problems := manifest.Configure(config)
	if problems.Err() != nil {
		t.Fatal(problems)
	}
	for _, language := range plugged() {
		t.Run(language.Folder, func(t *testing.T) {
			guest := conformance(language)
			mechanic := bound(t, guest.Build(t, read(t, guest)...), slog.DiscardHandler, manifest, config)
			for name, facts := range map[string]*core.Facts{"filled": filled(), "empty": {}} {
				effects, _, err := mechanic.Decide(core.HookPaid, facts, nil)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				facts.Config = configured
				got, want := effects[len(effects)-1], seen(t, facts, paths)
				if got.Name != "facts" || got.Data != want {
					t.Errorf("%s:\n got %s %s\nwant facts %s", name, got.Name, got.Data, want)
				}
			}
		})
	}
}

// TestTheFactsOfThisTestAreAllThere keeps a fact that is new from being compared as absent with absent.
func TestTheFactsOfThisTestAreAllThere(t *testing.T) {
	facts := filled()
	for _, path := range everyPath() {
		if strings.HasPrefix(path, "config.") {
			continue
		}
		if v := facts.Lookup(path); v.Kind == core.ValueAbsent || (v.Kind == core.ValueInteger && v.Int == 0) {
			t.Errorf("%s is %+v", path, v)
		}
	}
}
