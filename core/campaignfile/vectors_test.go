package campaignfile

import (
	"strings"
	"testing"

	"hotdrop/core"
)

func TestTheExampleVectorsAreRead(t *testing.T) {
	vectors, err := ParseVectors(readFile(t, "testdata/example.vectors.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if vectors.Mechanic != "trade-in" || len(vectors.Vectors) != 2 {
		t.Fatalf("%d vectors of %s", len(vectors.Vectors), vectors.Mechanic)
	}
	first, second := vectors.Vectors[0], vectors.Vectors[1]
	want := `[{"discount":{"amount":50000,"label":"Trade-in"}},{"take":{"quota":"trade-in","units":1}},` +
		`{"oblige":{"data":{"brand":"Xiaomi","model":"2S"},"kind":"trade_in"}}]`
	if got := jsonOf(t, first.Effects); got != want || first.Hook != core.HookQuote {
		t.Errorf("hook %s, effects\n%s\nwant\n%s", first.Hook, got, want)
	}
	if first.Facts.Item.Price != 179900 || first.Facts.Quantity != 1 {
		t.Errorf("facts %+v", first.Facts)
	}
	device, _ := second.Facts.Input["trade_in"].(core.Object)
	if device["brand"] != "Nokia" || len(second.Effects) != 0 {
		t.Errorf("input %v, effects %v", second.Facts.Input, second.Effects)
	}
}

func TestEveryProblemOfAVectorFileIsLocated(t *testing.T) {
	for name, text := range map[string]string{
		"nothing in it": "mechanic: ''\nvectors: []\n",
		"vectors that contradict themselves": `mechanic: m
vectors:
  - name: two outcomes
    hook: quote
    denied: too_late
    error: trap
  - name: two outcomes
    hook: quotes
  - hook: paid
    effects: [{discount: {amount: 1}}, {grant: {pool: p, count: 1}}]
`,
		"facts and effects that do not exist": `mechanic: m
vectors:
  - name: typos
    hook: quote
    facts: {itm: {sku: a}, item: {prise: 1}, quantity: one, input: {rate: 0.5}}
    effects:
      - discount: {amount: 1, lable: Sale}
      - discounts: {amount: 1}
`,
	} {
		t.Run(name, func(t *testing.T) {
			vectors, err := ParseVectors([]byte(text))
			if vectors != nil {
				t.Errorf("vectors %+v", vectors)
			}
			golden(t, "testdata/vectors_"+strings.ReplaceAll(name, " ", "_")+".golden", reportOf(t, []byte(text), err))
		})
	}
}
