package rules_test

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/rules"
)

const smallRule = `
rule: small        # a comment
hook: quote
version: 1.2.3
author: meizu
title: {en: Small, zh: 小}
text: Takes a little off.
config: {off: {type: integer, default: 5, min: 1, max: 100}, tier: {type: string}}
when: shopper.tier == config.tier
then: [{discount: {amount: config.off}}]
`

func TestTheManifestSaysWhatTheRuleIs(t *testing.T) {
	rule, err := rules.Parse([]byte(smallRule))
	if err != nil {
		t.Fatal(err)
	}
	got := *rule.Manifest()
	if !strings.HasPrefix(got.Digest, "sha256:") || len(got.Digest) != len("sha256:")+64 {
		t.Errorf("the digest is %q", got.Digest)
	}
	if off := got.Config["off"]; off.Default != int64(5) || *off.Min != 1 || *off.Max != 100 {
		t.Errorf("config.off is %+v", off)
	}
	got.Digest, got.Config = "", nil
	want := core.Manifest{
		Name: "small", Version: "1.2.3", Kind: "rule", Author: "meizu", Title: core.Text{EN: "Small", ZH: "小"}, Text: core.Text{EN: "Takes a little off."},
		Hooks: []core.Hook{core.HookQuote}, Facts: []string{"config.off", "config.tier", "shopper.tier"},
		Effects: []core.EffectKind{core.EffectDiscount},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if rule.Text.EN != "Takes a little off." {
		t.Errorf("the text is %v", rule.Text)
	}
}

func TestTheDigestIsOfTheMeaningNotTheLayout(t *testing.T) {
	digest := func(file string) string {
		rule, err := rules.Parse([]byte(file))
		if err != nil {
			t.Fatal(err)
		}
		return rule.Manifest().Digest
	}
	first := digest("rule: a\nhook: quote\nwhen: quantity > 1\nthen:\n  - once: {key: k}\n")
	for _, same := range []string{
		"# a comment\nhook: quote\nrule: 'a'\nthen: [{once: {key: \"k\"}}]\nwhen: quantity > 1\n",
		`{"then": [{"once": {"key": "k"}}], "when": "quantity > 1", "hook": "quote", "rule": "a"}`,
	} {
		if digest(same) != first {
			t.Errorf("%s has another digest", same)
		}
	}
	inline := `{ "hook":"quote", "rule":"a", "then":[{"once":{"key":"k"}}], "when":"quantity \u003e 1" }`
	if mechanic, err := rules.CompileJSON(json.RawMessage(inline), nil); err != nil || mechanic.Manifest().Digest != first {
		t.Errorf("the same rule in a binding has another digest (%v)", err)
	}
	for _, other := range []string{
		"rule: b\nhook: quote\nwhen: quantity > 1\nthen: [{once: {key: k}}]\n",
		"rule: a\nhook: quote\nwhen: quantity >  1\nthen: [{once: {key: k}}]\n",
		"rule: a\nhook: quote\nthen: [{once: {key: k}}]\n",
	} {
		if digest(other) == first {
			t.Errorf("%s has the same digest", other)
		}
	}
}

func TestABindingsConfigIsCheckedAndCompiledIn(t *testing.T) {
	rule, err := rules.Parse([]byte(smallRule))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		config core.Object
		path   string
		words  string
	}{
		{nil, "config.tier", "required"},
		{core.Object{"tier": int64(1)}, "config.tier", "must be a string"},
		{core.Object{"tier": "gold", "off": int64(0)}, "config.off", "at least 1"},
		{core.Object{"tier": "gold", "of": int64(7)}, "config.of", "did you mean off?"},
	} {
		_, err := rule.Compile(c.config)
		problems, ok := errors.AsType[*core.Problems](err)
		if !ok || !has(problems.List, c.path, c.words) {
			t.Errorf("%v: %v, want %s at %s", c.config, err, c.words, c.path)
		}
	}
	given := core.Object{"tier": "gold", "off": int64(9)}
	mechanic, err := rule.Compile(given)
	if err != nil {
		t.Fatal(err)
	}
	given["off"] = int64(1)
	facts := &core.Facts{Shopper: core.ShopperFacts{Tier: "gold"}, Config: core.Object{"off": int64(3), "tier": "none"}}
	effects, _ := decide(t, mechanic, facts)
	if len(effects) != 1 || effects[0].Amount != 9 {
		t.Errorf("got %v, want the discount of the binding", effects)
	}
	if want := (core.Object{"off": int64(3), "tier": "none"}); !maps.Equal(facts.Config, want) {
		t.Errorf("the caller's facts became %v", facts.Config)
	}
}

func TestAnInlineRuleHasItsProblemsUnderTheBinding(t *testing.T) {
	raw := json.RawMessage(`{"rule":"a","hook":"quote","config":{"n":{"type":"integer"}},
		"when":"item.skuu == 1 && true","then":[{"discount":{"amount":"1 +"}},{"discount":{}}],"whenn":1}`)
	problems := problemsOf(t, raw, core.Object{"m": int64(1)})
	for path, words := range map[string]string{
		"rule.whenn":                   "unknown key whenn (did you mean when?)",
		"rule.when":                    "there is no item.skuu (did you mean item.sku?)",
		"rule.then[0].discount.amount": "ends too early",
		"rule.then[1].discount":        "amount is missing",
		"config.m":                     "no such parameter",
		"config.n":                     "required",
	} {
		if !has(problems, path, words) {
			t.Errorf("%s: no problem %q among %v", path, words, problems)
		}
	}
	if len(problems) != 6 {
		t.Errorf("got %d problems: %v", len(problems), problems)
	}
	for _, raw := range []string{``, `null`, `[]`, `"x"`, `{"rule":null}`, `{"rule":1.5}`} {
		if problems := problemsOf(t, json.RawMessage(raw), nil); problems[0].Path != "rule" {
			t.Errorf("%s: %v, want a problem of rule", raw, problems)
		}
	}
}

func TestAConfigCanMakeARuleTooExpensive(t *testing.T) {
	rule, err := rules.Parse([]byte(`
rule: pairs
hook: quote
config: {of: {type: list, of: string, default: [a]}}
when: "all(config.of, {let x = #; any(config.of, # == x)})"
then: [{once: {key: k}}]
`))
	if err != nil {
		t.Fatal(err)
	}
	long := make([]any, 300)
	for i := range long {
		long[i] = "x"
	}
	if _, err := rule.Compile(core.Object{"of": long[:30]}); err != nil {
		t.Errorf("a short list: %v", err)
	}
	_, err = rule.Compile(core.Object{"of": long})
	problems, ok := errors.AsType[*core.Problems](err)
	if !ok || !has(problems.List, "when", "more than 20000 steps") {
		t.Errorf("a long list: %v", err)
	}
}
