package rules_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
	"hotdrop/rules"
)

// replying returns a rule that answers every message with the text, given as JSON.
func replying(text string) json.RawMessage {
	return json.RawMessage(`{"rule":"a","hook":"message","config":{"hi":{"type":"string","default":"Hi."}},"then":[{"reply":{"text":` + text + `}}]}`)
}

func TestAReplyIsWrittenOrComputedInEachLanguage(t *testing.T) {
	for text, want := range map[string]core.Text{
		`"Hello."`:                                             {EN: "Hello."},
		`{"en":"Hello.","zh":"你好。"}`:                           {EN: "Hello.", ZH: "你好。"},
		`{"zh":"你好。"}`:                                         {ZH: "你好。"},
		`{"expr":"config.hi"}`:                                 {EN: "Hi."},
		`{"en":{"expr":"config.hi"},"zh":"好"}`:                 {EN: "Hi.", ZH: "好"},
		`{"en":"Hello.","zh":{"expr":"message.text + \"？\""}}`: {EN: "Hello.", ZH: "吗？"},
	} {
		mechanic, err := rules.CompileJSON(replying(text), nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		effects, _ := decide(t, mechanic, &core.Facts{Message: core.MessageFacts{Text: "吗"}})
		if len(effects) != 1 || effects[0].Text != want {
			t.Errorf("%s: got %+v, want %+v", text, effects, want)
		}
	}
}

func TestAFactInTheBracesOfAReplyIsRead(t *testing.T) {
	for text, want := range map[string][]string{
		`"{order.id} goes with {order.carrier}: {order.tracking}"`:   {"order.carrier", "order.id", "order.tracking"},
		`{"en":"{order.id}","zh":"{order.total}"}`:                   {"order.id", "order.total"},
		`"{now} {quantity} {quota.trade-in} {input.trade_in.brand}"`: {"input.trade_in.brand", "now", "quantity", "quota.trade-in"},
		`"{{order.id}} {order.id"`:                                   {"order.id"},
		`"no braces, {} { } {name} {order id} {\"en\": 1} {a.b} }{"`: {},
		`{"expr":"\"{order.id} \" + order.state"}`:                   {"order.state"},
		`{"en":{"expr":"config.hi"},"zh":"{shopper.tags}"}`:          {"config.hi", "shopper.tags"},
		`"` + strings.Repeat("{", 100) + "order.id" + `}"`:           {"order.id"},
	} {
		rule, err := rules.ParseJSON(replying(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := rule.Manifest().Facts; !slices.Equal(got, want) {
			t.Errorf("%s: reads %v, want %v", text, got, want)
		}
	}
}

func TestOnlyTheBracesOfAReplyReadFacts(t *testing.T) {
	rule, err := rules.ParseJSON(json.RawMessage(`{"rule":"a","hook":"quote","then":[{"deny":{"reason":"no","text":"{order.id}"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if facts := rule.Manifest().Facts; len(facts) != 0 {
		t.Errorf("the text of a deny reads %v", facts)
	}
}

func TestWhatIsWrongWithAReplyIsSaidWhereItStands(t *testing.T) {
	for text, want := range map[string]string{
		`"Your {order.trackin}"`:              "rule.then[0].reply.text: there is no order.trackin (did you mean order.tracking?)",
		`{"zh":"{order}"}`:                    "rule.then[0].reply.text.zh: there is no order",
		`"{order.id.x}"`:                      "there is no order.id.x",
		`"{config.hi}"`:                       "a text does not know the config (write {expr: config.hi} in place of the text)",
		`{}`:                                  "rule.then[0].reply.text: must not be empty",
		`{"en":""}`:                           "rule.then[0].reply.text.en: must not be empty",
		`{"de":"Hallo"}`:                      "rule.then[0].reply.text.de: must be a text",
		`5`:                                   "rule.then[0].reply.text: must be a text or {expr: expression}",
		`{"en":5}`:                            "rule.then[0].reply.text.en: must be a text or {expr: expression}",
		`{"expr":5}`:                          "rule.then[0].reply.text: must be a text or {expr: expression}",
		`{"expr":"config.hi","en":"x"}`:       "rule.then[0].reply.text: must be a text or {expr: expression}",
		`{"expr":"order.total"}`:              "rule.then[0].reply.text.expr: must be a string, not integer",
		`{"en":{"expr":"nope"}}`:              "rule.then[0].reply.text.en.expr: there is no nope",
		`"` + strings.Repeat("x", 4097) + `"`: "rule.then[0].reply.text: is longer than 4096 bytes",
	} {
		found := ""
		for _, p := range problemsOf(t, replying(text), nil) {
			found += p.String() + "\n"
		}
		if !strings.Contains(found, want) {
			t.Errorf("%.100s: got %s, want %s", text, found, want)
		}
	}
	problems := problemsOf(t, replying(`"您的 {order.trackin}"`), nil)
	if problems[0].Offset != len([]rune("您的 {")) {
		t.Errorf("the offset is %d runes", problems[0].Offset)
	}
}

func TestAComputedReplyThatIsEmptyOrTooLongFailsTheDecision(t *testing.T) {
	for said, want := range map[string]string{"": "bad_effect", strings.Repeat("x", 4097): "bad_effect", strings.Repeat("x", 4096): ""} {
		mechanic, err := rules.CompileJSON(replying(`{"expr":"message.text"}`), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = mechanic.Decide(core.HookMessage, &core.Facts{Message: core.MessageFacts{Text: said}}, nil)
		failure, _ := errors.AsType[*core.MechanicError](err)
		if (failure == nil) != (want == "") || failure != nil && failure.Code != want {
			t.Errorf("%d bytes: %v, want %q", len(said), err, want)
		}
	}
}

// TestWhateverIsInBracesIsEitherAFactOrLeftAlone: no text makes the compiler stumble, and what a rule is said to read is
// always a fact that a manifest may declare.
func TestWhateverIsInBracesIsEitherAFactOrLeftAlone(t *testing.T) {
	part := rapid.SampledFrom([]string{"{", "}", "{order.id}", "order", ".", "id", "{quota.", "-", "小", "{{now}}", " ", "{config."})
	rapid.Check(t, func(t *rapid.T) {
		text := "x" + strings.Join(rapid.SliceOfN(part, 0, 12).Draw(t, "parts"), "")
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		rule, err := rules.ParseJSON(replying(string(quoted)))
		if problems, ok := errors.AsType[*core.Problems](err); ok {
			for _, p := range problems.List {
				if p.Path != "then[0].reply.text" || p.Offset < 0 || p.Offset > len([]rune(text)) {
					t.Fatalf("%s: %+v", text, p)
				}
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, fact := range rule.Manifest().Facts {
			if !core.KnownFact(fact) || !strings.Contains(text, fmt.Sprintf("{%s}", fact)) {
				t.Fatalf("%s reads %s", text, fact)
			}
		}
	})
}
