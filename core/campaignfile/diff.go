package campaignfile

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"hotdrop/core"
)

// Change is one difference between two campaigns. Before is nil for something new, After for something gone; values
// are those of [core.Object].
type Change struct {
	Path   string `json:"path" doc:"where, as in items[mx3].price; items are named by their SKU, bindings by their mechanic, what else has a name or an id by that"`
	Before any    `json:"before,omitempty" doc:"the value it has"`
	After  any    `json:"after,omitempty" doc:"the value it will have"`
}

// String renders the change on one line: "~ path: before → after", "+ path: after" or "- path: before".
func (c Change) String() string {
	switch {
	case c.Before == nil:
		return fmt.Sprintf("+ %s: %s", c.Path, render(c.After))
	case c.After == nil:
		return fmt.Sprintf("- %s: %s", c.Path, render(c.Before))
	default:
		return fmt.Sprintf("~ %s: %s → %s", c.Path, render(c.Before), render(c.After))
	}
}

func render(value any) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil { // impossible for the values of an object
		return fmt.Sprint(value)
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// Diff returns what changes from one campaign to the other, sorted by path: the smallest values that differ. A nil
// campaign has nothing in it. Items are compared by SKU and other things that have names by name, wherever they stand; if
// their order changes, that is a change of the list from one list of names to the other.
func Diff(before, after *core.Campaign) ([]Change, error) {
	a, err := objectOf(before)
	if err != nil {
		return nil, err
	}
	b, err := objectOf(after)
	if err != nil {
		return nil, err
	}
	changes := compare(nil, "", a, b)
	if old, now := orderOf(before, after), orderOf(after, before); !slices.Equal(old, now) {
		changes = append(changes, Change{Path: "items", Before: old, After: now})
	}
	slices.SortStableFunc(changes, func(x, y Change) int { return cmp.Compare(x.Path, y.Path) })
	return changes, nil
}

// objectOf returns the campaign's values with its items in a mapping by SKU.
func objectOf(c *core.Campaign) (core.Object, error) {
	if c == nil {
		return core.Object{"items": bracketed{}}, nil
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("compare campaign %s: %w", c.ID, err)
	}
	var object core.Object
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, fmt.Errorf("compare campaign %s: %w", c.ID, err)
	}
	items, _ := object["items"].([]any)
	bySKU := make(bracketed, len(items))
	for i, item := range items {
		bySKU[c.Items[i].SKU] = item
	}
	object["items"] = bySKU
	return object, nil
}

// bracketed is a mapping whose keys stand in brackets in paths.
type bracketed map[string]any

// orderOf returns the SKUs of c that other has too, in c's order.
func orderOf(c, other *core.Campaign) []string {
	var skus []string
	if c == nil || other == nil {
		return nil
	}
	for _, item := range c.Items {
		if other.Item(item.SKU) != nil {
			skus = append(skus, item.SKU)
		}
	}
	return skus
}

// compare appends the differences between two values at the path. Values of the same shape are compared inside.
func compare(changes []Change, path string, before, after any) []Change {
	if reflect.DeepEqual(before, after) {
		return changes
	}
	switch a := before.(type) {
	case core.Object:
		if b, ok := after.(core.Object); ok {
			return compareKeys(changes, a, b, func(key string) string { return joinPath(path, key) })
		}
	case bracketed:
		if b, ok := after.(bracketed); ok {
			return compareKeys(changes, a, b, func(key string) string { return path + "[" + key + "]" })
		}
	case []any:
		if b, ok := after.([]any); ok {
			return compareLists(changes, path, a, b)
		}
	}
	return append(changes, Change{Path: path, Before: before, After: after})
}

func compareKeys(changes []Change, a, b map[string]any, at func(string) string) []Change {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		changes = compare(changes, at(key), a[key], b[key])
	}
	return changes
}
