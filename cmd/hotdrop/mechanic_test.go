package main

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"hotdrop/core"
)

const quoteVectors = `mechanic: trade-in
vectors:
  - name: a brand outside the table pays the list price
    hook: quote
    facts: {item: {sku: mx3, price: 179900}, quantity: 1, input: {trade_in: {brand: Nokia, model: "1", condition: good}}}
    effects: []
  - name: a hope that does not hold
    hook: quote
    facts: {item: {sku: mx3, price: 179900}, quantity: 1, input: {trade_in: {brand: Nokia, model: "1", condition: good}}}
    effects: [{discount: {amount: 1, label: x}}]
`

func TestEveryShippedMechanicPassesItsVectors(t *testing.T) {
	files(t, nil)
	r := do(t, "mechanic", "test")
	if r.stderr != "no mechanic here: these are the shipped ones\n" {
		t.Errorf("stderr %q", r.stderr)
	}
	if r.code != exitOK || !strings.HasSuffix(r.stdout, ", 0 failed\n") || strings.Contains(r.stdout, "FAIL") {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	for _, one := range []string{"seckill (rule)", "trade-in (rule)", "trade-in (plugin)"} {
		if !strings.Contains(r.stdout, one) {
			t.Errorf("%s was not tested", one)
		}
	}
}

func TestVectorsOfAShippedMechanicsNameAreHeldAgainstBothOfItsForms(t *testing.T) {
	files(t, map[string]string{"mine.vectors.yaml": quoteVectors})
	r := do(t, "mechanic", "test", "mine.vectors.yaml", "-v")
	if r.code != exitFailed || r.stderr != "next: hotdrop mechanic run mine.vectors.yaml --vector 'a hope that does not hold'\n" {
		t.Errorf("exit %d, stderr %q", r.code, r.stderr)
	}
	for _, want := range []string{
		"FAIL  trade-in (rule)    1 of 2 vectors failed", "FAIL  trade-in (plugin)  1 of 2 vectors failed", "ok    a brand outside",
		"FAIL  a hope that does not hold  mine.vectors.yaml:7:5", "want  discount: {amount: 1, label: x}  (missing)", "2 passed, 2 failed\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is not in\n%s", want, r.stdout)
		}
	}
}

func TestAVectorFileThatCannotBeUsedSaysWhy(t *testing.T) {
	for name, test := range map[string]struct{ file, want string }{
		"nobody's vectors": {strings.Replace(quoteVectors, "trade-in", "nobody", 1), "no shipped mechanic"},
		"broken vectors":   {strings.Replace(quoteVectors, "hook:", "hok:", 1), "mine.vectors.yaml:4:"},
	} {
		t.Run(name, func(t *testing.T) {
			files(t, map[string]string{"mine.vectors.yaml": test.file})
			r := do(t, "mechanic", "test", "mine.vectors.yaml")
			if r.code != exitFailed || !strings.Contains(r.stderr, test.want) || !strings.Contains(r.stderr, "\nnext: hotdrop mechanic ") {
				t.Errorf("exit %d, %q", r.code, r.stderr)
			}
		})
	}
}

func TestTheListShowsEveryMechanicWithItsHooksTitleAndDigest(t *testing.T) {
	var listed []core.Manifest
	if err := json.Unmarshal([]byte(do(t, "mechanic", "list", "-o", "json").stdout), &listed); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(do(t, "mechanic", "list").stdout), "\n")
	if len(listed) != len(lines) {
		t.Fatalf("%d mechanics on %d lines", len(listed), len(lines))
	}
	kinds := map[string]string{}
	for i, m := range listed {
		kinds[m.Name] += m.Kind + " "
		for _, part := range []string{m.Kind, m.Name, string(m.Hooks[0]), m.Title.EN, m.Digest} {
			if part == "" || !strings.Contains(lines[i], part) {
				t.Errorf("%q is not on the line %q", part, lines[i])
			}
		}
	}
	for _, name := range []string{
		"seckill", "trade-in", "repost-discount", "one-cent-voucher", "group-buy", "repost-lottery", "member-exclusive",
		"deposit", "early-bird", "bundle", "auto-reply",
	} {
		if !strings.Contains(kinds[name], "rule") {
			t.Errorf("%s is not among the rules", name)
		}
	}
	for _, name := range []string{"trade-in", "repost-discount", "group-buy", "repost-lottery"} {
		if !strings.Contains(kinds[name], "plugin") {
			t.Errorf("%s is not among the plugins", name)
		}
	}
}

func TestABindingCompilesByWhatItNames(t *testing.T) {
	ctx := t.Context()
	c, err := newCompiler(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.close(ctx); err != nil {
			t.Error(err)
		}
	}()
	config := core.Object{"sku": "mx3"}
	digest := c.shipped["trade-in"].Manifest().Digest
	for _, test := range []struct {
		name    string
		binding core.Binding
		kind    string
	}{
		{"a shipped rule", core.Binding{Mechanic: "trade-in", Config: config}, "rule"},
		{"a rule inline", core.Binding{Rule: json.RawMessage(`{"rule":"x","hook":"quote","then":[{"once":{"key":"k"}}]}`)}, "rule"},
		{"a plugin by name", core.Binding{Plugin: "trade-in", Config: config}, "plugin"},
		{"a plugin by digest", core.Binding{Plugin: digest, Config: config}, "plugin"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := c.Compile(ctx, test.binding)
			if err != nil || m.Manifest().Kind != test.kind {
				t.Errorf("%v, %v", m, err)
			}
		})
	}
	for _, test := range []struct {
		name    string
		binding core.Binding
		path    string
	}{
		{"an unknown rule", core.Binding{Mechanic: "trade-inn"}, "mechanic"},
		{"an unknown plugin", core.Binding{Plugin: "trade-inn"}, "plugin"},
		{"an unknown digest", core.Binding{Plugin: "sha256:00"}, "plugin"},
		{"a parameter nobody has", core.Binding{Plugin: "trade-in", Config: core.Object{"color": "red"}}, "config.color"},
		{"an empty rule", core.Binding{Rule: json.RawMessage(`{}`)}, "rule"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := c.Compile(ctx, test.binding)
			problems, ok := err.(*core.Problems) //nolint:errorlint // a compiler returns it bare
			if !ok || len(problems.List) == 0 || !strings.HasPrefix(problems.List[0].Path, test.path) {
				t.Errorf("%v", err)
			}
		})
	}
}
