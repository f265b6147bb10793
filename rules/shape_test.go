package rules_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/rules"
)

func TestARuleFromJSONIsTheRuleFromYAML(t *testing.T) {
	fromYAML, err := rules.Parse([]byte("rule: a\nhook: quote\nwhen: true\nthen: [{once: {key: k}}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	fromJSON, err := rules.ParseJSON(json.RawMessage(`{"rule":"a","hook":"quote","when":true,"then":[{"once":{"key":"k"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := fmt.Sprintf("%+v", *fromYAML.Manifest()), fmt.Sprintf("%+v", *fromJSON.Manifest()); a != b {
		t.Errorf("YAML gives %s, JSON %s", a, b)
	}
	if fromJSON.Bodies[0].Cases[0].When != "true" || fromJSON.Bodies[0].Cases[0].Then[0].Kind != core.EffectOnce {
		t.Errorf("the case is %+v", fromJSON.Bodies[0].Cases[0])
	}
	_, err = rules.ParseJSON(json.RawMessage(`{"rule":"a","hook":"quote","when":"itm.sku == 1","then":[]}`))
	problems, ok := errors.AsType[*core.Problems](err)
	if !ok || len(problems.List) != 1 || problems.List[0].Path != "when" || problems.List[0].Offset != len("itm.") {
		t.Errorf("got %+v, want one problem at when, 4 runes in", err)
	}
}

func TestOffsetsCountRunesNotBytes(t *testing.T) {
	problems := problemsOf(t, ruleOf(t, "{}", `"小米" == nope`), nil)
	if len(problems) != 1 || problems[0].Offset != len([]rune(`"小米" == `)) {
		t.Errorf("got %+v, want the offset of nope in runes", problems)
	}
}

// TestWhatARuleMayHold: each list of a rule is as long as it may be, or one longer.
func TestWhatARuleMayHold(t *testing.T) {
	list := func(element string, n int) string { return strings.TrimSuffix(strings.Repeat(element+",", n), ",") }
	effects := func(n int) string { return `"then":[` + list(`{"once":{"key":"k"}}`, n) + `]` }
	cases := func(n int) string { return `"cases":[` + list(`{"when":"quantity == 1","then":[]}`, n) + `]` }
	when := func(n int) string { return `"then":[],"when":"` + strings.Repeat(" ", n-4) + `true"` }
	key := func(n int) string { return `"then":[{"once":{"key":"` + strings.Repeat("k", n) + `"}}]` }
	reason := func(n int) string { return `"then":[{"deny":{"reason":"` + strings.Repeat("r", n) + `"}}]` }
	for _, test := range []struct {
		name string
		part func(int) string
		most int
		path string
	}{
		{"effects", effects, 32, "rule.then"},
		{"cases", cases, 16, "rule.cases"},
		{"bytes of an expression", when, 8192, "rule.when"},
		{"bytes of a key", key, 128, "rule.then[0].once.key"},
		{"characters of a reason", reason, 63, "rule.then[0].deny.reason"},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw := func(n int) json.RawMessage {
				return json.RawMessage(`{"rule":"a","hook":"quote",` + test.part(n) + `}`)
			}
			if _, err := rules.CompileJSON(raw(test.most), nil); err != nil {
				t.Errorf("%d: %v", test.most, err)
			}
			if problems := problemsOf(t, raw(test.most+1), nil); problems[0].Path != test.path {
				t.Errorf("%d: %v, want a problem at %s", test.most+1, problems, test.path)
			}
		})
	}
}

func TestWhatIsMissingOrOfTheWrongShapeIsNamed(t *testing.T) {
	for raw, problem := range map[string]string{
		`{"hook":"quote","then":[]}`:                                      "rule: rule is missing",
		`{"rule":"a","then":[]}`:                                          "rule: hook is missing",
		`{"rule":"a","hook":"quote"}`:                                     "rule: then is missing",
		`{"rule":"a","hook":"quote","then":{}}`:                           "rule.then: must be a list of effects",
		`{"rule":"a","hook":"quote","cases":{}}`:                          "rule.cases: must be a list of 1 to 16 cases",
		`{"rule":"a","hook":"quote","cases":[]}`:                          "rule.cases: must be a list of 1 to 16 cases",
		`{"rule":"a","hook":"quote","when":"","then":[]}`:                 "rule.when: must not be empty",
		`{"rule":"a","hook":"quote","when":[],"then":[]}`:                 "rule.when: must be an expression",
		`{"rule":"a","hook":"quote","then":[],"config":[]}`:               "rule.config: must be a map",
		`{"rule":"a","hook":"quote","then":[],"title":5}`:                 "rule.title: must be a text",
		`{"rule":"a","hook":"quote","then":[],"author":{}}`:               "rule.author: must be a string",
		`{"rule":"a","hook":"quote","then":[],"when":null}`:               "rule: not a rule: when: null is not a value",
		`{"rule":"a","hook":"paid","then":[{"deny":{"reason":"a"}}]}`:     "rule.then[0].deny: deny cannot be used at the hook paid",
		`{"rule":"a","hook":"message","then":[{"reply":{"text":""}}]}`:    "rule.then[0].reply.text: must not be empty",
		`{"rule":"a","hook":"message","then":[{"reply":{}}]}`:             "rule.then[0].reply: text is missing",
		`{"rule":"a","hook":"quote","then":[{"take":{"quota":"q"}}]}`:     "rule.then[0].take: units is missing",
		`{"rule":"a","hook":"quote","then":[{"price":{"amount":"1.5"}}]}`: "rule.then[0].price.amount: rules have no fractions",
		`{"rule":"a","hook":"quote","then":[{"price":{"amount":""}}]}`:    "rule.then[0].price.amount: the expression is empty",
	} {
		found := ""
		for _, p := range problemsOf(t, json.RawMessage(raw), nil) {
			found += p.String() + "\n"
		}
		if !strings.Contains(found, problem) {
			t.Errorf("%s: got %s, want %s", raw, found, problem)
		}
	}
}

func TestMistakenNamesAreMetWithTheNearestOne(t *testing.T) {
	for expression, hint := range map[string]string{
		"itme.price":                    "did you mean item.price?",
		"item.prize":                    "did you mean item.price?",
		"Item.price":                    "did you mean item.price?",
		"price":                         "did you mean item.price?",
		"quantiti":                      "did you mean quantity?",
		"config.amuont":                 "did you mean config.amount?",
		"confg.amount":                  "did you mean config.amount?",
		"uper(item.sku)":                "did you mean upper?",
		"Len(item.sku)":                 "did you mean len?",
		"quantity()":                    "write quantity without brackets",
		"let total = 1; totl + 1":       "did you mean total?",
		"item.cost":                     "item has left, price, sku, sold, stock",
		"wholly.unlike":                 "facts begin with campaign, config, group",
		"any(shopper.tags, #acc == 1)":  "there are # and #index",
		"item.price / 2":                "div(a, b) divides integers",
		"1.5 * item.price":              "percent(amount, 150)",
		"quantity in 1..3":              "low <= x && x <= high",
		`shopper.tags contains "vip"`:   "write x in list",
		"shopper.tags == config.brands": "compare elements",
	} {
		problems := problemsOf(t, ruleOf(t, testConfig, expression), nil)
		if !strings.Contains(problems[0].Hint, hint) {
			t.Errorf("%s: got %v, want the hint %s", expression, problems, hint)
		}
	}
}

func TestOneMistakeIsReportedOnce(t *testing.T) {
	for _, expression := range []string{
		"nope + 1 > 2 && true", "upper(nope) + \"x\" == \"y\"", "[nope, 1][0] + 1", "all(nope, # == 1)", "sum(map(nope, # * 2))",
		"nope ? 1 : 2", "(nope ?? 1) * 3", "div(nope, 2)", "let x = nope; x + 1", "nope in config.brands", "nope matches \"a\"",
		"config.nope contains item.sku", "min(nope, 1)", "string(nope)", "len(nope)", "-nope", "not nope", "nope == item.sku",
		"nope.a.b < 3", "nope[0].a", "max(1, now())",
		"count(nope) == \"x\"", "count(shopper.tags, # == nope) == \"x\"", "map(shopper.tags, nope)[0] + 1",
	} {
		if problems := problemsOf(t, ruleOf(t, testConfig, expression), nil); len(problems) != 1 {
			t.Errorf("%s has %d problems: %v", expression, len(problems), problems)
		}
	}
}

func TestEveryMistakeIsReported(t *testing.T) {
	expression := `nope == 1 && item.sku + 1 > 2 && foo() && #`
	problems := problemsOf(t, ruleOf(t, "{}", strings.TrimSuffix(expression, " && #")), nil)
	if len(problems) != 3 {
		t.Errorf("got %v, want three problems", problems)
	}
	for i := 1; i < len(problems); i++ {
		if problems[i].Offset <= problems[i-1].Offset {
			t.Errorf("the problems are not in the order of the text: %v", problems)
		}
	}
	if problems := problemsOf(t, ruleOf(t, "{}", expression), nil); len(problems) != 1 {
		t.Errorf("got %v, want what the parser says", problems)
	}
}
