package vet

import (
	"reflect"
	"slices"
	"strings"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

// path is a fact that the manifest declares, with the kinds its value may be of.
type path struct {
	name  string
	kinds []core.ValueKind // none for a group of inputs, which has no value of its own
}

// extremes returns those of every kind that the fact may be of.
func (p *path) extremes() []value {
	var all []value
	for _, kind := range p.kinds {
		all = append(all, extremes(kind)...)
	}
	return all
}

// pathsOf returns the declared facts but for config.*, which belong to the binding. The kind of an input is the
// campaign's to declare: it is what the vectors use, or else every kind it could be of.
func pathsOf(manifest *core.Manifest, vectors []campaignfile.Vector) []path {
	var paths []path
	for _, name := range manifest.Facts {
		switch block, rest, _ := strings.Cut(name, "."); block {
		case "config":
		case "quota":
			paths = append(paths, path{name, []core.ValueKind{core.ValueInteger}})
		case "input":
			paths = append(paths, path{name, inputKinds(rest, vectors)})
		default:
			paths = append(paths, path{name, []core.ValueKind{fixedKind(reflect.TypeFor[core.Facts](), name)}})
		}
	}
	return paths
}

// inputKinds returns the kinds of the input in the vectors, all of them if no vector has it.
func inputKinds(name string, vectors []campaignfile.Vector) []core.ValueKind {
	var kinds []core.ValueKind
	for i := range vectors {
		kind := vectors[i].Facts.Input.Lookup(name).Kind
		if kind != core.ValueAbsent && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	if kinds == nil {
		return []core.ValueKind{core.ValueInteger, core.ValueString, core.ValueBoolean, core.ValueList}
	}
	return kinds
}

// fixedKind returns the kind of a fact of the fixed vocabulary, which is the type of the field with that tag.
func fixedKind(t reflect.Type, name string) core.ValueKind {
	first, rest, nested := strings.Cut(name, ".")
	for _, field := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case tag != first:
		case nested && field.Type.Kind() == reflect.Struct:
			return fixedKind(field.Type, rest)
		case field.Type.Kind() == reflect.Int64:
			return core.ValueInteger
		case field.Type.Kind() == reflect.String:
			return core.ValueString
		case field.Type.Kind() == reflect.Slice:
			return core.ValueList
		}
	}
	return core.ValueAbsent
}

// owner returns the fact without which the whole block of the named one is absent, and a value that makes it present;
// "" where there is none.
func owner(name string) (path string, value any) {
	switch block, _, _ := strings.Cut(name, "."); block {
	case "reservation":
		return "reservation.at", int64(1)
	case "voucher", "group", "order":
		return map[string]string{"voucher": "voucher.code", "group": "group.id", "order": "order.id"}[block], "x"
	default:
		return "", nil
	}
}
