package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hotdrop/api"
	"hotdrop/core"
)

func sampleReport(t *testing.T) *shownReport {
	t.Helper()
	report := &shownReport{Shadow: &api.Comparison{}, Canary: &api.CanaryReport{
		Campaign: "phone", Currency: "CNY", Ruleset: 3, Percent: 5, Since: 7, Nodes: 3,
		Began: time.Date(2012, 12, 21, 4, 0, 0, 0, time.Local), //nolint:gosmopolitan // it is read in the zone it was made in
		Live: core.CanaryArm{
			Ruleset: 2, Requests: 10_000, Orders: 8_000, Paid: 7_000, Money: 80_000_000, Discount: 100, Denied: 5, Reasons: map[string]int64{"no_black\n": 5},
			Conversion: &core.Estimate{Value: .8, Low: .79, High: .81}, PerOrder: &core.Estimate{Value: 10_000.4, Low: 9_990, High: 10_010.6},
		},
		Canary: core.CanaryArm{Ruleset: 3, Requests: 500, Orders: 450, Conversion: &core.Estimate{Value: .9, Low: .87, High: .925}},
		Differences: core.CanaryDifferences{
			Conversion: &core.Estimate{Value: .1, Low: .07, High: .125}, Decided: []string{"conversion"},
		},
	}}
	if err := json.Unmarshal([]byte(backtested(t)), report.Shadow); err != nil {
		t.Fatal(err)
	}
	report.Shadow.Since, report.Shadow.Nodes = 6, 3
	return report
}

func TestAReportSetsTheArmsOfACanaryAndTheSidesOfAShadowNextToEachOther(t *testing.T) {
	path := filepath.Join("testdata", "rollout", "report.txt")
	got := sampleReport(t).text()
	if *updateGolden {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want := readText(t, path); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	none := &shownReport{Canary: &api.CanaryReport{Campaign: "phone", Currency: "CNY", Tag: "staff"}}
	if got := none.text(); !strings.Contains(got, "shoppers with the tag staff") || !strings.Contains(got, "more than chance: nothing yet") ||
		strings.Contains(got, "shadow") {
		t.Errorf("of nothing:\n%s", got)
	}
}

func TestAReportIsOfTheCanaryAndTheShadowThatThereAre(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	file := writeFile(t, folder, "cheaper.yaml", fmt.Sprintf(cheaperFile, 100))
	r := rolloutRun(t, folder, s.url, "report", "trade-in")
	if r.code != exitFailed || !strings.Contains(r.stderr, "has no canary and no shadow to report on\nnext: hotdrop rollout shadow trade-in RULESET") {
		t.Errorf("without any: %+v", r)
	}
	for _, args := range [][]string{{"add", "trade-in", file}, {"shadow", "trade-in", "v2"}} {
		requireRun(t, folder, append([]string{"rollout"}, append(args, "--server", s.url, "--reason", "r")...)...)
	}
	r = rolloutRun(t, folder, s.url, "report", "trade-in")
	if r.code != exitOK || !strings.Contains(r.stdout, "trade-in: v2: nothing was recorded") || strings.Contains(r.stdout, "canary v") {
		t.Errorf("of a shadow: %+v", r)
	}
	requireRun(t, folder, "rollout", "canary", "trade-in", "v2", "--percent", "5", "--server", s.url, "--reason", "r")
	var report shownReport
	r = rolloutRun(t, folder, s.url, "report", "trade-in", "-o", "json")
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || report.Canary == nil || report.Canary.Percent != 5 {
		t.Errorf("of a canary: %v, %+v", err, r)
	}
	if r = rolloutRun(t, folder, s.url, "report", "trade-in"); r.code != exitOK || !strings.Contains(r.stdout, "canary v2 for 5 % of shoppers") {
		t.Errorf("of a canary: %+v", r)
	}
}
