package campaignfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// sample has a field of every kind that files are decoded into.
type sample struct {
	embedded

	String   string            `json:"string"`
	Bool     bool              `json:"bool"`
	Int      int64             `json:"int"`
	Small    int8              `json:"small"`
	Unsigned uint16            `json:"unsigned"`
	Pointer  *int64            `json:"pointer"`
	List     []string          `json:"list"`
	Map      map[string]int64  `json:"map"`
	Any      any               `json:"any"`
	Text     core.Text         `json:"text"`
	Texts    map[string]string `json:"texts"`
	Duration core.Duration     `json:"duration"`
	Time     time.Time         `json:"time"`
	Input    core.Input        `json:"input"`
	Object   core.Object       `json:"object"`
	Raw      json.RawMessage   `json:"raw"`
	Hook     core.Hook         `json:"hook"`
	Effects  []core.Effect     `json:"effects"`
	Hidden   string            `json:"-"`
	Plain    int64
}

type embedded struct {
	Inner string `json:"inner"`
}

func TestEveryTypeIsDecoded(t *testing.T) {
	text := `
string: 2S
bool: true
int: -9223372036854775808
small: -128
unsigned: 65535
pointer: 5
list: [a, "1", no, 2014-04-03T12:00:00+08:00]
map: {a: 1, 2012: 2}
any: {n: 1, s: x, b: false, l: [1, {m: 2}], t: 2014-04-03T12:00:00+08:00}
text: English
texts: {}
duration: 1h30m
time: 2014-04-03T12:00:00+08:00
input: {brand: {type: string, max: 40}}
object: {list: [1, x], inner: {yes: 1}}
raw:
  when: item.price > 1 && "<b>" != ""
  then: [{take: {units: 1, quota: q}}]
hook: quote
effects:
  - discount: {amount: 5, label: {en: A, zh: B}}
  - oblige: {kind: k, data: {b: 1, a: x}}
Plain: 7
inner: promoted
`
	var got sample
	if _, err := Decode([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	five := int64(5)
	want := sample{
		String: "2S", Bool: true, Int: -1 << 63, Small: -128, Unsigned: 65535, Pointer: &five,
		List: []string{"a", "1", "no", "2014-04-03T12:00:00+08:00"},
		Map:  map[string]int64{"a": 1, "2012": 2},
		Any: core.Object{
			"n": int64(1), "s": "x", "b": false, "l": []any{int64(1), core.Object{"m": int64(2)}}, "t": "2014-04-03T12:00:00+08:00",
		},
		Text: core.Text{EN: "English"}, Texts: map[string]string{}, Duration: core.Duration(90 * time.Minute),
		Time:   got.Time,
		Input:  core.Input{Fields: map[string]core.Field{"brand": {Type: "string", Max: 40}}},
		Object: core.Object{"list": []any{int64(1), "x"}, "inner": core.Object{"yes": int64(1)}},
		Raw:    json.RawMessage(`{"then":[{"take":{"quota":"q","units":1}}],"when":"item.price \u003e 1 \u0026\u0026 \"\u003cb\u003e\" != \"\""}`),
		Hook:   core.HookQuote,
		Effects: []core.Effect{
			{Kind: core.EffectDiscount, Amount: 5, Text: core.Text{EN: "A", ZH: "B"}},
			{Kind: core.EffectOblige, Name: "k", Data: `{"a":"x","b":1}`},
		},
		Plain: 7, embedded: embedded{Inner: "promoted"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if text := got.Time.Format(time.RFC3339); text != "2014-04-03T12:00:00+08:00" {
		t.Errorf("time %s lost its offset", text)
	}
}

func TestYAMLAndJSONDecodeAlike(t *testing.T) {
	var fromYAML, fromJSON core.Campaign
	if _, err := Decode(readFile(t, "testdata/example.yaml"), &fromYAML); err != nil {
		t.Fatal(err)
	}
	body, err := json.MarshalIndent(&fromYAML, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(body, &fromJSON); err != nil {
		t.Fatal(err)
	}
	again, err := json.MarshalIndent(&fromJSON, "", "\t")
	if err != nil || !bytes.Equal(again, body) {
		t.Errorf("%v\ngot\n%s\nwant\n%s", err, again, body)
	}
}

func TestWrongTypesAreProblemsOfTheirPlace(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"a list for a string", "string: [a]", "1:9: string: needs a string, not a list"},
		{"a boolean for a string", "string: true", `1:9: string: needs a string, not the boolean true (write it in quotes: "true")`},
		{"a word for a boolean", "bool: on", `1:7: bool: needs a boolean, not the string "on" (write true or false)`},
		{"a mapping for an integer", "int: {a: 1}", "1:6: int: needs an integer, not a mapping"},
		{"infinity for an integer", "int: .inf", "1:6: int: needs an integer, not the number .inf (only whole numbers are read; amounts are minor units)"},
		{"an integer with a sign", "int: +5", "1:6: int: needs an integer, not the number +5 (write 5)"},
		{"more than 64 bits", "int: 9223372036854775808", "1:6: int: 9223372036854775808 is outside the integers of 64 bits"},
		{"more than 8 bits", "small: 128", "1:8: small: 128 is out of range for int8"},
		{"less than nothing", "unsigned: -1", "1:11: unsigned: -1 is out of range for uint16"},
		{"more than 16 bits", "unsigned: 65536", "1:11: unsigned: 65536 is out of range for uint16"},
		{"a wrong value behind a pointer", "pointer: x", `1:10: pointer: needs an integer, not the string "x"`},
		{"a mapping for a list", "list: {a: 1}", "1:7: list: needs a list, not a mapping"},
		{"a wrong element", "list: [a, 5]", `1:11: list[1]: needs a string, not the number 5 (write it in quotes: "5")`},
		{"a wrong value of a map", "map: {a: x}", `1:10: map.a: needs an integer, not the string "x"`},
		{"a scalar for a map", "map: 5", "1:6: map: needs a mapping, not the number 5"},
		{"a float in untyped data", "any: [1, [1.5]]", "1:11: any[1][0]: needs an integer, not the number 1.5 (only whole numbers are read; amounts are minor units)"},
		{"a list for a text", "text: [a]", "1:7: text: needs a string or {en, zh}, not a list"},
		{"an unknown language", "text: {en: A, de: B}", "1:15: text.de: there is no such key (known here: en, zh)"},
		{"a list for a duration", "duration: [1]", "1:11: duration: needs a duration, not a list (such as 90s, 15m or 2h)"},
		{"a time without an offset", "time: 2014-04-03T12:00:00", `1:7: time: needs a time in RFC 3339, not the string "2014-04-03T12:00:00" (such as 2014-04-03T12:00:00+08:00)`},
		{"an input with a number as its type", "input: {type: 5}", `1:15: input.type: needs a string, not the number 5 (write it in quotes: "5")`},
		{"a scalar for an object", "object: x", "1:9: object: needs a mapping, not a string"},
		{"an effect of two kinds", "effects: [{deny: {}, once: {}}]", "1:11: effects[0]: an effect has exactly one kind"},
		{"a list of effect fields", "effects: [{once: [a]}]", "1:18: effects[0].once: needs a mapping, not a list"},
		{"a number as a label", "effects: [{price: {label: 5}}]", "1:27: effects[0].price.label: needs a string or {en, zh}, not a number"},
		{"an unknown effect", "effects: [{discont: {}}]", "1:12: effects[0].discont: there is no such effect (did you mean discount?)"},
		{"an unknown field of an effect", "effects: [{take: {unit: 1}}]", "1:19: effects[0].take.unit: there is no such key (did you mean units?)"},
		{"a hidden field", "Hidden: x", "1:1: Hidden: there is no such key"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Decode([]byte(tc.text+"\n"), &sample{})
			if err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestWhatCanBeDecodedIsDecodedDespiteProblems(t *testing.T) {
	var got sample
	_, err := Decode([]byte("string: a\nint: x\nlist: [a, 5, c]\nmap: {a: 1, b: y}\n"), &got)
	want := sample{String: "a", List: []string{"a", "", "c"}, Map: map[string]int64{"a": 1, "b": 0}}
	if err == nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: got %+v, want %+v", err, got, want)
	}
}

// picky finds problems of its own inside its part of the file.
type picky struct{}

func (*picky) UnmarshalJSON([]byte) error {
	problems := &core.Problems{}
	problems.List = []core.Problem{{Path: "when", Offset: 2, Message: "no such fact", Hint: "look again"}}
	return problems
}

// stubborn refuses whatever text it gets.
type stubborn struct{}

func (*stubborn) UnmarshalText([]byte) error { return errors.New("not this") }

func TestProblemsOfATypeThatDecodesItselfAreLocatedInItsPart(t *testing.T) {
	var into struct {
		Rules []picky  `json:"rules"`
		Text  stubborn `json:"text"`
	}
	_, err := Decode([]byte("rules:\n  - hook: quote\n    when: 'abc'\ntext: x\n"), &into)
	want := "3:14: rules[0].when: no such fact (look again)\n4:7: text: not this"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestTargetsThatCannotBeDecodedIntoAreErrors(t *testing.T) {
	for name, into := range map[string]any{"nothing": nil, "a value": sample{}, "a nil pointer": (*sample)(nil)} {
		if file, err := Decode([]byte("a: 1"), into); !errors.Is(err, errTarget) || file == nil {
			t.Errorf("%s: file %v, error %v", name, file, err)
		}
	}
	var floats struct {
		Rate  float64        `json:"rate"`
		Index map[int]string `json:"index"`
	}
	_, err := Decode([]byte("rate: 1\nindex: {1: a}\n"), &floats)
	want := "1:7: rate: cannot be read into float64\n2:8: index: cannot be read into map[int]string"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestTheBoundsOfAFileHold(t *testing.T) {
	list := func(elements int) string { return "[" + strings.Repeat("1,", elements) + "]" }
	for _, tc := range []struct{ name, text, want string }{
		{"256 KiB is read", "a: " + strings.Repeat("x", MaxSize-3), ""},
		{"a byte more is not", "a: " + strings.Repeat("x", MaxSize-2), "1:1: the file is too long (at most 256 KiB are read)"},
		{"32 levels are read", strings.Repeat("[", MaxDepth-1) + "[1]" + strings.Repeat("]", MaxDepth-1), ""},
		{"33 are not", strings.Repeat("[", MaxDepth) + "[1]" + strings.Repeat("]", MaxDepth), "nested too deeply"},
		{"100,000 levels are not", strings.Repeat("[", 100_000), "exceeded max depth"},
		{"20,000 levels of JSON are not", strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000), "exceeded max depth"},
		{"100,000 values are read", list(maxNodes - 1), ""},
		{"a value more is not", list(maxNodes), "the file has too many values"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var value any
			_, err := Decode([]byte(tc.text), &value)
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %.200v, want %s", err, tc.want)
			}
		})
	}
}

func TestAByteOrderMarkIsNotPartOfTheText(t *testing.T) {
	var value map[string]string
	if _, err := Decode([]byte(byteOrderMark+"a: b"), &value); err != nil || value["a"] != "b" {
		t.Errorf("%v, %v", value, err)
	}
}
