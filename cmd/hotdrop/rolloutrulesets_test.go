package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"hotdrop/api"
	"hotdrop/core"
)

func TestRulesetsAreListedWithWhatTheyDoWhoMadeThemAndWhy(t *testing.T) {
	got := rulesetsText([]api.Ruleset{
		{Ruleset: 4, CreatedAt: swapTime, CreatedBy: "ann", Reason: "a\nb"},
		{Ruleset: 3, CreatedAt: swapTime, CreatedBy: "ann", Bindings: []core.Binding{{Mechanic: "seckill"}, {Plugin: "sha256:ab"}}},
		{Ruleset: 2, CreatedAt: swapTime, CreatedBy: "ben", Bindings: []core.Binding{{Rule: json.RawMessage(`{"rule":"cheaper"}`)}, {Rule: json.RawMessage(`"x"`)}}},
		{Ruleset: 1, CreatedAt: swapTime, CreatedBy: "ben"},
	}, &api.Rollout{
		Live: 2, Canary: &api.Canary{Ruleset: 3}, Shadow: &api.Shadow{Ruleset: 3}, Pending: &api.PendingChange{Ruleset: 4},
	})
	const want = `v4  waits           2026-11-22 12:00:03  no mechanics                    ann: a b
v3  canary, shadow  2026-11-22 12:00:03  seckill, sha256:ab              ann
v2  live            2026-11-22 12:00:03  cheaper, a rule without a name  ben
v1  -               2026-11-22 12:00:03  no mechanics                    ben
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestARulesetIsFoundInTheListAndShownWhole(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	file := writeFile(t, folder, "cheaper.yaml", fmt.Sprintf(cheaperFile, 100)+"    group: sale\nstacking: {sale: best}\n")
	requireRun(t, folder, "rollout", "add", "trade-in", file, "--server", s.url, "--reason", "cheaper for all")
	r := rolloutRun(t, folder, s.url, "rulesets", "trade-in")
	lines := strings.Split(r.stdout, "\n")
	if r.code != exitOK || len(lines) != 3 || !strings.HasPrefix(lines[0], "v2  -") || !strings.Contains(lines[0], "cheaper for all") ||
		!strings.HasPrefix(lines[1], "v1  live") {
		t.Errorf("the list: %+v", r)
	}
	r = rolloutRun(t, folder, s.url, "rulesets", "trade-in", "v2")
	for _, want := range []string{"cheaper for all", "1. cheaper", `"discount"`, "stacking sale: best"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is not in\n%s", want, r.stdout)
		}
	}
	var ruleset api.Ruleset
	r = rolloutRun(t, folder, s.url, "rulesets", "trade-in", "v2", "-o", "json")
	if err := json.Unmarshal([]byte(r.stdout), &ruleset); err != nil || ruleset.Ruleset != 2 {
		t.Errorf("%v: %+v", err, r)
	}
	if r = rolloutRun(t, folder, s.url, "rulesets", "trade-in", "--limit", "1"); !strings.HasSuffix(r.stdout, "there are more: raise --limit\n") {
		t.Errorf("%+v", r)
	}
	if r = rolloutRun(t, folder, s.url, "rulesets", "trade-in", "v9"); r.code != exitFailed || !strings.Contains(r.stderr, "not_found") {
		t.Errorf("%+v", r)
	}
	if r = rolloutRun(t, folder, s.url, "rulesets", "trade-in", "--limit", "0"); r.code != exitUsage {
		t.Errorf("%+v", r)
	}
}
