package core

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// filledFacts returns facts in which every field of the struct is set to something that is not its zero.
func filledFacts(t *testing.T) *Facts {
	t.Helper()
	facts := &Facts{
		Quota:  map[string]int64{"trade-in": 7},
		Input:  Object{"trade_in": Object{"brand": "Xiaomi", "fair": true}, "note": "hi", "dealer": int64(4)},
		Config: Object{"brands": []any{"Samsung", "Xiaomi"}, "amount": int64(500), "open": false, "sku": "", "none": []any{}},
	}
	next := int64(1)
	var fill func(reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for _, field := range v.Fields() {
				fill(field)
			}
		case reflect.Int64:
			v.SetInt(next)
			next++
		case reflect.String:
			v.SetString("s" + strings.Repeat("x", int(next)))
			next++
		case reflect.Slice:
			v.Set(reflect.ValueOf([]string{"gold", "beta"}))
		default: // the open maps are set above
		}
	}
	fill(reflect.ValueOf(facts).Elem())
	return facts
}

// leaves calls visit with the path and value of every tagged field that is not open.
func leaves(v reflect.Value, prefix string, visit func(path string, v reflect.Value)) {
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		field := v.Field(i)
		switch {
		case field.Kind() == reflect.Struct:
			leaves(field, prefix+name+".", visit)
		case field.Kind() != reflect.Map:
			visit(prefix+name, field)
		}
	}
}

func TestEveryTaggedFieldOfFactsIsReachable(t *testing.T) {
	facts := filledFacts(t)
	var paths []string
	leaves(reflect.ValueOf(facts).Elem(), "", func(path string, field reflect.Value) {
		paths = append(paths, path)
		got := facts.Lookup(path)
		switch field.Kind() {
		case reflect.Int64:
			if got.Kind != ValueInteger || got.Int != field.Int() {
				t.Errorf("%s = %+v, want integer %d", path, got, field.Int())
			}
		case reflect.String:
			if got.Kind != ValueString || got.Str != field.String() {
				t.Errorf("%s = %+v, want string %q", path, got, field.String())
			}
		default:
			if got.Kind != ValueList || got.Len() != field.Len() || got.At(1).Str != "beta" {
				t.Errorf("%s = %+v, want the list %v", path, got, field)
			}
		}
	})
	slices.Sort(paths)
	if !slices.Equal(paths, FactPaths()) {
		t.Errorf("the vocabulary is not what Facts holds:\n got %v\nwant %v", FactPaths(), paths)
	}
}

func TestLookupOfOpenBlocks(t *testing.T) {
	facts := filledFacts(t)
	list := func(values ...any) Value { return Value{Kind: ValueList, list: values} }
	for path, want := range map[string]Value{
		"quota.trade-in":         intValue(7),
		"quota.unknown":          {},
		"input.trade_in.brand":   stringValue("Xiaomi"),
		"input.trade_in.fair":    {Kind: ValueBoolean, Int: 1},
		"input.trade_in.nothing": {},
		"input.trade_in":         {},
		"input.note":             stringValue("hi"),
		"input.note.0":           {},
		"input.dealer":           intValue(4),
		"input.nothing.brand":    {},
		"config.brands":          list("Samsung", "Xiaomi"),
		"config.brands.1":        stringValue("Xiaomi"),
		"config.open":            {Kind: ValueBoolean},
		"config.sku":             {},
		"config.none":            {},
		"config.none.0":          {},
		"shopper.tags.0":         stringValue("gold"),
	} {
		if got := facts.Lookup(path); !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %+v, want %+v", path, got, want)
		}
	}
}

func TestLookupOutsideTheVocabularyIsAbsent(t *testing.T) {
	facts := filledFacts(t)
	for _, path := range []string{
		"", ".", "now.", "now.x", "item", "item.", "item.sku.0", "item.nothing", "campaign.nothing", "shares.nothing",
		"shopper.tags.", "shopper.tags.2", "shopper.tags.-1", "shopper.tags.00", "shopper.tags.01", "shopper.tags.+1",
		"shopper.tags.0.0", "shopper.nothing", "shopper.tags.99999999999999999999", "config.brands.x", "reservation.nothing",
		"voucher.nothing", "group.nothing", "order.nothing", "message.nothing", "message", "nothing.nothing", "nothing",
	} {
		if got := facts.Lookup(path); got.Kind != ValueAbsent {
			t.Errorf("%q = %+v, want absent", path, got)
		}
	}
}

func TestOptionalBlocksAreAbsentAsAWhole(t *testing.T) {
	facts := &Facts{
		Reservation: ReservationFacts{Position: 3},
		Voucher:     VoucherFacts{Pool: "p", Value: 5, State: "open"},
		Group:       GroupFacts{Size: 3, Joined: 1, ClosesAt: 9, Leader: "l"},
		Order:       OrderFacts{SKU: "s", Total: 5, PaidAt: 6, State: "paid", Carrier: "c", Tracking: "t"},
	}
	for _, path := range FactPaths() {
		got := facts.Lookup(path)
		switch block, _, _ := strings.Cut(path, "."); block {
		case "reservation", "voucher", "group", "order", "message":
			if got.Kind != ValueAbsent {
				t.Errorf("%s = %+v without its block, want absent", path, got)
			}
		default:
			if got.Kind == ValueInteger && got.Int != 0 || got.Kind > ValueInteger {
				t.Errorf("%s = %+v of empty facts", path, got)
			}
		}
	}
	if got := facts.Lookup("item.price"); got.Kind != ValueInteger {
		t.Errorf("an item's price of 0 is %v, want integer", got.Kind)
	}
}

func TestValueKindNames(t *testing.T) {
	want := []string{"absent", "integer", "string", "boolean", "list"}
	for kind, name := range want {
		if got := ValueKind(kind).String(); got != name {
			t.Errorf("kind %d = %q, want %q", kind, got, name)
		}
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	facts := filledFacts(t)
	paths := append(FactPaths(), "quota.trade-in", "input.trade_in.brand", "config.brands.1", "shopper.tags.1", "nothing")
	allocs := testing.AllocsPerRun(100, func() {
		for _, path := range paths {
			facts.Lookup(path)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations for %d lookups, want none", allocs, len(paths))
	}
}

func TestKnownFact(t *testing.T) {
	for path, want := range map[string]bool{
		"now": true, "item.price": true, "shopper.tags": true, "quota.trade-in": true, "config.amount": true,
		"input.note": true, "input.trade_in.brand": true,
		"": false, "item": false, "item.*": false, "*": false, "input": false, "input.": false, "input.a.b.c": false,
		"config.a.b": false, "quota.a.b": false, "shopper.tags.0": false, "config.0": false, "input.a.": false,
		"input..a": false, "config.a b": false, "config." + strings.Repeat("a", 64): false,
	} {
		if got := KnownFact(path); got != want {
			t.Errorf("KnownFact(%q) = %v, want %v", path, got, want)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	facts := &Facts{Input: Object{"trade_in": Object{"brand": "Xiaomi"}}}
	b.ReportAllocs()
	for b.Loop() {
		facts.Lookup("input.trade_in.brand")
	}
}
