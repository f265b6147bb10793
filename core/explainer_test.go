package core

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

func TestValuesAreWrittenAsCanonicalJSON(t *testing.T) {
	facts := filledFacts(t)
	facts.Input["odd"] = "a\"\\\n<小米>"
	facts.Config["mixed"] = []any{"", int64(-1), true}
	for path, want := range map[string]string{
		"quota.trade-in": "7", "quota.unknown": "null", "input.odd": `"a\"\\\n<小米>"`, "config.open": "false",
		"input.trade_in.fair": "true", "input.trade_in": "null", "shopper.tags": `["gold","beta"]`, "shopper.tags.1": `"beta"`,
		"config.mixed": `["",-1,true]`, "config.none": "null", "config.sku": "null",
	} {
		if got := facts.Lookup(path).JSON(); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

func TestEveryScalarSurvivesItsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.OneOf(rapid.Int64().AsAny(), anyText().AsAny(), rapid.Bool().AsAny()).Draw(t, "value")
		var back Object
		if err := json.Unmarshal([]byte(`{"v":`+orEmpty(anyValue(given).JSON())+`}`), &back); err != nil {
			t.Fatal(err)
		}
		if back["v"] != given {
			t.Fatalf("%v came back as %v", given, back["v"])
		}
	})
}

// orEmpty writes an absent value as the empty string that it is.
func orEmpty(written string) string {
	if written == "null" {
		return `""`
	}
	return written
}
