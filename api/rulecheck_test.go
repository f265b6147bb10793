package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"hotdrop/core"
	"hotdrop/rules"
)

// CheckRule implements [Rules] as the binary does.
func (inlineRules) CheckRule(file []byte, config core.Object) (*core.Manifest, error) {
	rule, err := rules.Parse(file)
	if err != nil {
		return nil, err
	}
	if config != nil {
		if _, err := rule.Compile(config); err != nil {
			return nil, err
		}
	}
	return rule.Manifest(), nil
}

// checked sends a rule to be checked.
func checked(t *testing.T, c *client, rule string, config string) RuleReport {
	t.Helper()
	body := map[string]any{"rule": rule}
	if config != "" {
		body["config"] = json.RawMessage(config)
	}
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var report RuleReport
	a := c.do(http.MethodPost, "/v1/rules/check", string(data)).wants(t, http.StatusOK)
	if err := json.Unmarshal([]byte(a.body), &report); err != nil {
		t.Fatal(err)
	}
	return report
}

const goodRule = `rule: gold-only
title: {en: Gold only, zh: 金卡专享}
hook: quote
config: {amount: {type: integer, default: 100, min: 1}}
when: shopper.tier == "gold" && item.price > config.amount
then:
  - discount: {amount: config.amount, label: Gold}
`

func TestARuleThatCompilesIsDescribed(t *testing.T) {
	_, s, c := newScripted(t, false)
	report := checked(t, c.withKey(s, "demo-xiaomi"), goodRule, "")
	facts, effects := strings.Join(report.Facts, " "), len(report.Effects) == 1 && report.Effects[0] == "discount"
	if !report.OK || report.Name != "gold-only" || report.Title == nil || report.Title.ZH != "金卡专享" || len(report.Problems) != 0 {
		t.Errorf("report %+v", report)
	}
	if len(report.Hooks) != 1 || report.Hooks[0] != core.HookQuote || facts != "config.amount item.price shopper.tier" || !effects {
		t.Errorf("hooks %v, facts %s, effects %v", report.Hooks, facts, report.Effects)
	}
}

func TestARuleThatDoesNotCompileIsAnAnswerWithPlaces(t *testing.T) {
	_, s, c := newScripted(t, false)
	caller := c.withKey(s, "demo-operator")
	cases := []struct {
		name, rule, config, path, hint string
		at                             string // what stands where the problem is; "" if it has no place in the file
	}{
		{"a fact that is misspelt", strings.Replace(goodRule, "shopper.tier", "shopper.teir", 1), "", "when", "did you mean", "teir"},
		{
			"behind characters that take two units", strings.Replace(goodRule, `"gold" && item.price`, `"🎉🎉折" && item.prize`, 1), "",
			"when", "did you mean", "prize",
		},
		{"an unknown key", goodRule + "colour: red\n", "", "colour", "", "red"},
		{"lines that end as on Windows", strings.ReplaceAll(strings.Replace(goodRule, "item.price", "item.prize", 1), "\n", "\r\n"), "", "when", "", "prize"},
		{"a byte order mark", "\ufeff" + strings.Replace(goodRule, "rule: gold-only", "rulé: gold-only", 1), "", "rulé", "", "gold-only"},
		{"a parameter of the wrong type", goodRule, `{"amount":"x"}`, "config.amount", "", ""},
		{"a parameter that is out of bounds", goodRule, `{"amount":0}`, "config.amount", "", ""},
	}
	for _, one := range cases {
		report := checked(t, caller, one.rule, one.config)
		if report.OK || len(report.Problems) == 0 {
			t.Errorf("%s: %+v", one.name, report)
			continue
		}
		found := false
		for _, p := range report.Problems {
			found = found || p.Path == one.path && strings.Contains(p.Hint, one.hint) && standsAt(one.rule, p.Offset, one.at)
		}
		if !found {
			t.Errorf("%s: no problem at %s: %+v", one.name, one.at, report.Problems)
		}
	}
}

// standsAt reports whether the text is found at an offset that counts UTF-16 code units, as editors do.
func standsAt(whole string, offset *int, text string) bool {
	if text == "" || offset == nil {
		return text == "" && offset == nil
	}
	units := utf16.Encode([]rune(whole))
	return *offset <= len(units) && strings.HasPrefix(string(utf16.Decode(units[*offset:])), text)
}

func TestTheColumnOfAnEditorCountsUnitsAndThatOfAPersonCharacters(t *testing.T) {
	problems := []core.Problem{{Line: 2, Column: 4}, {Line: 3, Column: 1}, {Path: "config.a"}, {Line: 9, Column: 1}}
	views := ruleProblems("a🎉\n🎉🎉折x\n", problems)
	for i, want := range []RuleProblem{{Column: 4, ColumnUTF16: 6}, {Column: 1, ColumnUTF16: 1}, {}, {Column: 1}} {
		if views[i].Column != want.Column || views[i].ColumnUTF16 != want.ColumnUTF16 {
			t.Errorf("%+v became %+v", problems[i], views[i])
		}
	}
	if *views[0].Offset != 4+5 || *views[1].Offset != 4+7 || views[2].Offset != nil || views[3].Offset != nil {
		t.Errorf("offsets of %+v", views)
	}
}

func TestOffsetsPointAtTheCharacterThatLineAndColumnName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runes := rapid.SliceOf(rapid.SampledFrom([]rune("ab折🎉 \n\r\u0085\u2028"))).Draw(t, "text")
		text := string(runes)
		lines := linesOf(text)
		n := rapid.IntRange(0, len(lines)-1).Draw(t, "line")
		inLine := []rune(lines[n].text)
		column := rapid.IntRange(0, len(inLine)).Draw(t, "column")
		view := ruleProblems(text, []core.Problem{{Line: n + 1, Column: column + 1}})[0]
		rest := string(utf16.Decode(utf16.Encode(runes)[*view.Offset:]))
		if !strings.HasPrefix(rest, string(inLine[column:])) || len(lines[0].text)+len(rest) > len(text)+len(lines[0].text) {
			t.Fatalf("%q: line %d column %d became offset %d, where %q stands", text, n, column, *view.Offset, rest)
		}
	})
}

func TestAStrangersRuleIsRefusedOrAnsweredAndNothingElse(t *testing.T) {
	_, s, c := newScripted(t, false)
	caller := c.withKey(s, "demo-platform")
	for _, rule := range []string{
		"", "a", "[]", "rule: x", "{", "\x01", strings.Repeat("[", 2000), strings.Repeat("a: ", 3000), "&a [*a]", "rule: 折\nwhen: 1 +\n",
		"rule: x\nhook: quote\nwhen: " + strings.Repeat("(", 4000) + "\n", strings.Repeat("#", 262144),
	} {
		if report := checked(t, caller, rule, ""); report.OK || len(report.Problems) == 0 {
			t.Errorf("%.30q: %+v", rule, report)
		}
	}
	caller.do(http.MethodPost, "/v1/rules/check", `{"rule":"`+strings.Repeat("#", 262145)+`"}`).problem(t, core.CodeInvalid)
	caller.do(http.MethodPost, "/v1/rules/check", `{"rule":"`+strings.Repeat("#", maxRuleBody)+`"}`).problem(t, CodeTooLarge)
	caller.do(http.MethodPost, "/v1/rules/check", `{"rule":"","file":""}`).problem(t, core.CodeInvalid)
	caller.do(http.MethodPost, "/v1/rules/check", `{}`).problem(t, core.CodeInvalid)
}
