package campaignfile

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"

	"hotdrop/core"
)

// compareLists appends the differences between two lists: by name if all that is in them has one, else by place.
func compareLists(changes []Change, path string, a, b []any) []Change {
	old, oldNamed := listNames(a)
	now, nowNamed := listNames(b)
	if !oldNamed || !nowNamed {
		return comparePlaces(changes, path, a, b)
	}
	before, after := valuesByName(old, a), valuesByName(now, b)
	for i := range min(len(a), len(b)) {
		if _, stays := after[old[i]]; stays || !isPlugin(a[i]) || !isPlugin(b[i]) {
			continue
		}
		if _, was := before[now[i]]; was {
			continue
		}
		// Another plugin in the same place is a change of the binding, most of which stays as it is.
		changes = compare(changes, path+"["+strconv.Itoa(i)+"]", a[i], b[i])
		delete(before, old[i])
		delete(after, now[i])
	}
	changes = compare(changes, path, before, after)
	shared := func(in bracketed) func(string) bool {
		return func(name string) bool { _, is := in[name]; return !is }
	}
	old, now = slices.DeleteFunc(old, shared(after)), slices.DeleteFunc(now, shared(before))
	if !slices.Equal(old, now) {
		changes = append(changes, Change{Path: path, Before: old, After: now})
	}
	return changes
}

// comparePlaces compares what is between the parts that both lists begin and end with, one by one.
func comparePlaces(changes []Change, path string, a, b []any) []Change {
	begin := 0
	for begin < min(len(a), len(b)) && reflect.DeepEqual(a[begin], b[begin]) {
		begin++
	}
	a, b = a[begin:], b[begin:]
	for len(a) > 0 && len(b) > 0 && reflect.DeepEqual(a[len(a)-1], b[len(b)-1]) {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	for i := range max(len(a), len(b)) {
		var before, after any
		if i < len(a) {
			before = a[i]
		}
		if i < len(b) {
			after = b[i]
		}
		changes = compare(changes, path+"["+strconv.Itoa(begin+i)+"]", before, after)
	}
	return changes
}

// listNames returns a name for each value of a list, and whether all have one of their own. The second of a name is name#2.
func listNames(list []any) ([]string, bool) {
	names, seen := make([]string, len(list)), map[string]int{}
	for i, value := range list {
		name := listName(value)
		if name == "" {
			return nil, false
		}
		seen[name]++
		if names[i] = name; seen[name] > 1 {
			names[i] += "#" + strconv.Itoa(seen[name])
		}
	}
	return names, len(slices.Compact(slices.Sorted(slices.Values(names)))) == len(names)
}

// listName returns what people call a value of a list by: what a binding binds, or the name or id that it has; "" for none.
func listName(value any) string {
	object, _ := value.(core.Object)
	text := func(key string) string {
		name, _ := object[key].(string)
		return name
	}
	inline, _ := object["rule"].(core.Object)
	rule, _ := inline["rule"].(string)
	return cmp.Or(text("sku"), text("name"), text("id"), text("mechanic"), text("plugin"), rule)
}

func isPlugin(value any) bool {
	object, _ := value.(core.Object)
	return object["plugin"] != nil
}

func valuesByName(names []string, list []any) bracketed {
	named := make(bracketed, len(list))
	for i, name := range names {
		named[name] = list[i]
	}
	return named
}
