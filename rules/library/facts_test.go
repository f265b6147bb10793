package library_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/rules/library"
)

// declared returns the facts of which only those are left that the manifest declares.
func declared(facts *core.Facts, paths []string) *core.Facts {
	left := &core.Facts{Quota: map[string]int64{}, Input: core.Object{}}
	keep(reflect.ValueOf(facts).Elem(), reflect.ValueOf(left).Elem(), "", paths)
	for _, path := range paths {
		block, name, _ := strings.Cut(path, ".")
		switch block {
		case "quota":
			if units, ok := facts.Quota[name]; ok {
				left.Quota[name] = units
			}
		case "input":
			keepInput(facts.Input, left.Input, name)
		}
	}
	return left
}

// keep copies the fixed facts that are declared.
func keep(from, to reflect.Value, prefix string, paths []string) {
	for i := range from.NumField() {
		path := prefix + from.Type().Field(i).Tag.Get("expr")
		switch field := from.Field(i); {
		case field.Kind() == reflect.Struct:
			keep(field, to.Field(i), path+".", paths)
		case slices.Contains(paths, path):
			to.Field(i).Set(field)
		}
	}
}

func keepInput(from, to core.Object, name string) {
	group, field, nested := strings.Cut(name, ".")
	if !nested {
		if v, ok := from[name]; ok {
			to[name] = v
		}
		return
	}
	inner, ok := from[group].(core.Object)
	if !ok {
		return
	}
	if _, ok := to[group]; !ok {
		to[group] = core.Object{}
	}
	if kept, ok := to[group].(core.Object); ok && inner[field] != nil {
		kept[field] = inner[field]
	}
}

// whole are the facts that say whether their block is there at all: without them every other fact of the block is absent.
func whole() []string { return []string{"reservation.at", "voucher.code", "group.id", "order.id"} }

// TestARuleReadsNothingThatItsManifestDoesNotName: what a manifest leaves out may be anything, and changes no decision.
func TestARuleReadsNothingThatItsManifestDoesNotName(t *testing.T) {
	for _, name := range library.Names() {
		t.Run(name, func(t *testing.T) {
			entry, err := library.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			manifest := entry.Rule.Manifest()
			visible := append(whole(), manifest.Facts...)
			for _, vector := range vectorsOf(t, entry) {
				mechanic := bind(t, name, vector.Config)
				requireSame(t, mechanic, vector.Hook, &vector.Facts, declared(&vector.Facts, visible))
			}
			rapid.Check(t, func(t *rapid.T) {
				mechanic, facts := bind(t, name, drawnConfig(t, manifest.Config)), drawnFacts(t)
				for _, hook := range manifest.Hooks {
					requireSame(t, mechanic, hook, facts, declared(facts, visible))
				}
			})
		})
	}
}

// TestEveryFactThatAManifestNamesIsRead: a manifest that names too much lets a reader of it suspect too much. Each fact is
// in the text of its rule.
func TestEveryFactThatAManifestNamesIsRead(t *testing.T) {
	for _, name := range library.Names() {
		entry, err := library.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, fact := range entry.Rule.Manifest().Facts {
			_, last, _ := strings.Cut(fact, ".")
			if !strings.Contains(string(entry.Source), fact) && !strings.Contains(string(entry.Source), `["`+last+`"]`) {
				t.Errorf("%s does not read %s", name, fact)
			}
		}
	}
}

func vectorsOf(t *testing.T, entry *library.Entry) []campaignfile.Vector {
	t.Helper()
	vectors, err := campaignfile.ParseVectors(entry.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	return vectors.Vectors
}

func requireSame(t failing, mechanic core.Mechanic, hook core.Hook, all, some *core.Facts) {
	t.Helper()
	want, _, wantErr := mechanic.Decide(hook, all, nil)
	got, _, gotErr := mechanic.Decide(hook, some, nil)
	if !slices.Equal(got, want) || codeOf(gotErr) != codeOf(wantErr) {
		t.Fatalf("with all facts %+v, %v; with those of the manifest %+v, %v", want, wantErr, got, gotErr)
	}
}

func codeOf(err error) string {
	if failure, ok := errors.AsType[*core.MechanicError](err); ok {
		return failure.Code
	}
	return ""
}
