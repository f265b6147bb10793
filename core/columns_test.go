package core

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func anyOrder() *rapid.Generator[*Order] {
	n := rapid.Int64()
	text := rapid.Custom(func(t *rapid.T) Text { return Text{EN: anyText().Draw(t, "en"), ZH: anyText().Draw(t, "zh")} })
	line := rapid.Custom(func(t *rapid.T) Line {
		return Line{
			SKU: anyText().Draw(t, "sku"), Units: n.Draw(t, "units"), UnitPrice: n.Draw(t, "price"), Discount: n.Draw(t, "discount"),
			Amount: n.Draw(t, "amount"), Labels: rapid.SliceOfN(text, 1, 2).Draw(t, "labels"),
		}
	})
	take := rapid.Custom(func(t *rapid.T) Take { return Take{Counter: anyText().Draw(t, "counter"), Units: n.Draw(t, "units")} })
	claim := rapid.Custom(func(t *rapid.T) Claim {
		return Claim{Shopper: "s", Owner: "o", Kind: ClaimOnce, Key: anyText().Draw(t, "key")}
	})
	due := rapid.Custom(func(t *rapid.T) Due {
		return Due{
			Kind: DueFull, Amount: n.Draw(t, "amount"), DueAt: n.Draw(t, "due"), State: DueOpen, Payment: anyText().Draw(t, "payment"),
			PaidAt: n.Draw(t, "paid"), Unpaid: Unpaid(anyText().Draw(t, "unpaid")),
		}
	})
	condition := rapid.Custom(func(t *rapid.T) Condition {
		object := Object(rapid.MapOfN(anyText(), randomValue(1), 0, 2).Draw(t, "data"))
		return Condition{Kind: "k", Data: appendObject(nil, object), State: ConditionOpen}
	})
	return rapid.Custom(func(t *rapid.T) *Order {
		return &Order{
			ID: "o", Shopper: "s", // lists are nil where they are empty
			Lines: someOf(t, line, "lines"), Takes: someOf(t, take, "takes"),
			Claims: someOf(t, claim, "claims"), Dues: someOf(t, due, "dues"),
			Conditions: someOf(t, condition, "conditions"),
		}
	})
}

// someOf draws up to two elements; none is nil.
func someOf[T any](t *rapid.T, one *rapid.Generator[T], label string) []T {
	if list := rapid.SliceOfN(one, 0, 2).Draw(t, label); len(list) > 0 {
		return list
	}
	return nil
}

func TestAnOrdersColumnsAreWhatTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := anyOrder().Draw(t, "order")
		columns := o.Columns()
		back := &Order{ID: o.ID, Shopper: o.Shopper}
		if err := back.SetColumns(columns); err != nil {
			t.Fatal(err, columns)
		}
		if !reflect.DeepEqual(back, o) {
			t.Fatalf("came back as %+v from %+v, was %+v", back, columns, o)
		}
		for name, pair := range map[string][2]any{
			"lines": {columns.Lines, o.Lines}, "takes": {columns.Takes, o.Takes}, "claims": {columns.Claims, o.Claims},
			"dues": {columns.Dues, o.Dues}, "conditions": {columns.Conditions, o.Conditions},
		} {
			plain, err := json.Marshal(map[string]any{"x": pair[1]})
			plain = bytes.Replace(plain, []byte("null"), []byte("[]"), 1)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := pair[0].(string)
			if got, want := canonical(t, []byte(`{"x":`+text+`}`)), canonical(t, plain); got != want {
				t.Fatalf("%s\n%s\nwant\n%s", name, got, want)
			}
		}
	})
}
