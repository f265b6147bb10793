package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"hotdrop/core"
)

// parametersRule has a parameter of every type and shows them in an effect's data.
const parametersRule = `rule: parameters
hook: quote
config:
  n: {type: integer, default: 1}
  s: {type: string, default: none}
  b: {type: boolean, default: false}
  l: {type: list, of: string, default: []}
  m: {type: list, of: integer, default: []}
then:
  - oblige: {kind: show, data: {n: config.n, s: config.s, b: config.b, l: len(config.l), m: sum(config.m), q: quantity}}
`

// shownData runs the parameters' rule and returns what it shows.
func shownData(t *testing.T, stdin string, args ...string) core.Object {
	t.Helper()
	r := doWith(t, stdin, append([]string{"mechanic", "run", "p.yaml", "-o", "json"}, args...)...)
	var result runResult
	if err := json.Unmarshal([]byte(r.stdout), &result); err != nil || len(result.Effects) != 1 {
		t.Fatalf("exit %d, %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	var data core.Object
	if err := json.Unmarshal([]byte(result.Effects[0].Data), &data); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParametersAreReadByTheirTypes(t *testing.T) {
	files(t, map[string]string{"p.yaml": parametersRule})
	object := func(n int64, s string, b bool, l, m int64) core.Object {
		return core.Object{"n": n, "s": s, "b": b, "l": l, "m": m, "q": int64(0)}
	}
	for _, tc := range []struct {
		name string
		args []string
		want core.Object
	}{
		{"none are given", nil, object(1, "none", false, 0, 0)},
		{"each by its name", []string{"n=-7", "s=12", "b=true", "l=a, b", "m=1,2"}, object(-7, "12", true, 2, 3)},
		{"a string that looks like something else", []string{"s=[a]=b"}, object(1, "[a]=b", false, 0, 0)},
		{"an empty string and an empty list", []string{"s=", "l="}, object(1, "", false, 0, 0)},
		{"lists in brackets", []string{`l=["a, b"]`, "m=[4]"}, object(1, "none", false, 1, 4)},
		{"an object", []string{`{"n": 3, "l": ["x", "y", "z"]}`}, object(3, "none", false, 3, 0)},
		{"an object as YAML, and a name after it", []string{"{n: 3, s: x}", "n=4"}, object(4, "x", false, 0, 0)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var args []string
			for _, one := range tc.args {
				args = append(args, "--config", one)
			}
			if got := shownData(t, "", args...); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestFactsComeFromAFileOrStdin(t *testing.T) {
	files(t, map[string]string{"p.yaml": parametersRule, "facts.yaml": "quantity: 3\n", "empty.yaml": " \n"})
	for _, tc := range []struct {
		name, stdin string
		args        []string
		want        int64
	}{
		{"stdin in YAML", "quantity: 2\n", nil, 2},
		{"stdin in JSON", `{"quantity": 4}`, []string{"--facts", "-"}, 4},
		{"empty stdin is no facts", "", nil, 0},
		{"a file, whatever is on stdin", "quantity: 2\n", []string{"--facts", "facts.yaml"}, 3},
		{"an empty file is no facts", "quantity: 2\n", []string{"--facts", "empty.yaml"}, 0},
	} {
		if got := shownData(t, tc.stdin, tc.args...)["q"]; got != tc.want {
			t.Errorf("%s: %v, want %d", tc.name, got, tc.want)
		}
	}
	if r := do(t, "mechanic", "run", "p.yaml", "--facts", "none.yaml"); r.code != exitFailed || !strings.Contains(r.stderr, "none.yaml") {
		t.Errorf("exit %d, %s", r.code, r.stderr)
	}
	if r := do(t, "mechanic", "run", "p.yaml", "--facts", "facts.yaml", "--vector", "v"); r.code != exitUsage || r.stdout != "" {
		t.Errorf("facts from two places: exit %d, %s", r.code, r.stderr)
	}
}

func TestNobodyIsWaitedForAtATerminal(t *testing.T) {
	device, err := os.Open("/dev/null") // a device of characters, like a terminal
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	if !isTerminal(device) || isTerminal(strings.NewReader("")) {
		t.Error("a terminal is taken for a file, or a reader for a terminal")
	}
}

func TestTheHookIsTheOnlyOneOrQuote(t *testing.T) {
	r := &mechanicRun{}
	for _, tc := range []struct {
		flag     string
		ofVector core.Hook
		hooks    []core.Hook
		want     core.Hook
	}{
		{"", "", []core.Hook{core.HookPaid}, core.HookPaid},
		{"", "", []core.Hook{core.HookPaid, core.HookQuote}, core.HookQuote},
		{"", core.HookPaid, []core.Hook{core.HookPaid, core.HookQuote}, core.HookPaid},
		{"share", core.HookPaid, []core.Hook{core.HookPaid, core.HookShare}, core.HookShare},
		{"message", "", []core.Hook{core.HookPaid, core.HookShare}, ""},
	} {
		r.hook = tc.flag
		if got, err := r.askedHook(&core.Manifest{Name: "m", Hooks: tc.hooks}, tc.ofVector); got != tc.want || (err != nil) != (tc.want == "") {
			t.Errorf("%+v: %s, %v", tc, got, err)
		}
	}
}

// TestTheBindingsConfigIsNotTheSettingsFile: both flags are called --config.
func TestTheBindingsConfigIsNotTheSettingsFile(t *testing.T) {
	files(t, map[string]string{"p.yaml": parametersRule, "settings.yaml": "output: json\n", "odd.yaml": "]"})
	t.Setenv("HOTDROP_CONFIG", "settings.yaml")
	r := do(t, "mechanic", "run", "p.yaml", "--config", "n=5")
	if r.code != exitOK || !strings.Contains(r.stdout, `"n": 5`) {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if text := do(t, "mechanic", "run", "p.yaml", "--config", "n=5", "-o", "text"); !strings.HasPrefix(text.stdout, "parameters (rule)") {
		t.Errorf("the flag does not beat the settings file:\n%s", text.stdout)
	}
	t.Setenv("HOTDROP_CONFIG", "odd.yaml")
	if r := do(t, "mechanic", "run", "p.yaml"); r.code != exitUsage || !strings.Contains(r.stderr, "odd.yaml:1:1") {
		t.Errorf("exit %d, %s", r.code, r.stderr)
	}
	t.Setenv("HOTDROP_CONFIG", "")
	t.Setenv("HOTDROP_RUN", "no vector at all")
	if r := do(t, "mechanic", "test", "seckill"); r.code != exitOK {
		t.Errorf("the environment filters vectors: %s", r.stderr)
	}
}

func TestWhoeverAsksForNothingSaysWhichClauseDecidedAndWhatItSaw(t *testing.T) {
	files(t, nil)
	for _, tc := range []struct{ mechanic, config, facts, want string }{
		{"repost-lottery", "draw=phones", "{shares: {counted: visitor}}", `this was false: shares.counted == config.per ` +
			`(config.per is "repost", shares.counted is "visitor")`},
		{"member-exclusive", "sku=mx3", "{item: {sku: mx2}}", `this held, and asks for nothing: item.sku != config.sku ` +
			`(config.sku is "mx3", item.sku is "mx2")`},
	} {
		r := doWith(t, tc.facts, "mechanic", "run", tc.mechanic, "--config", tc.config)
		if r.code != exitOK || !strings.Contains(r.stdout, tc.want) {
			t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	}
	denied := doWith(t, "{item: {sku: mx2, price: 5}}", "mechanic", "run", "group-buy", "-o", "json")
	if !strings.Contains(denied.stdout, `"clauses": [`) || strings.Contains(denied.stdout, "held, and asks for nothing") {
		t.Errorf("a refusal does not say why: %s", denied.stdout)
	}
}

func TestTheResultIsOneFlatObject(t *testing.T) {
	files(t, toy())
	var flat map[string]any
	if err := json.Unmarshal([]byte(do(t, "mechanic", "run", "toy", "-o", "json").stdout), &flat); err != nil {
		t.Fatal(err)
	}
	for name, value := range flat {
		if _, nested := value.(map[string]any); nested {
			t.Errorf("%s is an object", name)
		}
	}
	if flat["outcome"] != "effects" || flat["fuel_limit"] != 1e6 || flat["fuel"] == 0.0 {
		t.Errorf("%v", flat)
	}
}
