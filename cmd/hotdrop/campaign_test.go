package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"hotdrop/api"
	"hotdrop/core"
)

func TestAppliedFilesComeBackAsTheyAre(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	for _, campaign := range []string{"phone", "trade-in", "car", "group"} {
		exported := requireRun(t, folder, "campaign", "export", campaign, "--server", s.url)
		file := writeFile(t, folder, campaign+".yaml", exported)
		if changes := requireRun(t, folder, "campaign", "apply", "--reason", "a test", file, "--server", s.url); changes != "" {
			t.Errorf("applying what was exported changed\n%s", changes)
		}
		if again := requireRun(t, folder, "campaign", "get", campaign, "--server", s.url); again != exported {
			t.Errorf("exported again it is\n%s\nit was\n%s", again, exported)
		}
	}
}

func TestADryRunPrintsTheDifferenceAndChangesNothing(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	exported := requireRun(t, folder, "campaign", "export", "car", "--server", s.url)
	file := writeFile(t, folder, "car.yaml", strings.Replace(exported, "stock: 666", "stock: 700", 1))
	const want = "~ items[fortwo].stock: 666 → 700\n"
	if got := requireRun(t, folder, "campaign", "apply", "--reason", "a test", file, "--dry-run", "--server", s.url); got != want {
		t.Errorf("the dry run printed %q, want %q", got, want)
	}
	if after := requireRun(t, folder, "campaign", "export", "car", "--server", s.url); after != exported {
		t.Errorf("the dry run changed the campaign:\n%s", after)
	}
	if got := requireRun(t, folder, "campaign", "apply", file, "--server", s.url, "--reason", "more cars"); got != want {
		t.Errorf("applying printed %q, want %q", got, want)
	}
	after := requireRun(t, folder, "campaign", "export", "car", "--server", s.url)
	if !strings.Contains(after, "stock: 700") {
		t.Errorf("the campaign is still\n%s", after)
	}
}

func TestTheResultOfApplyingIsOneObject(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	file := writeFile(t, folder, "rush.yaml", fmt.Sprintf(rushFile, 5))
	out := requireRun(t, folder, "campaign", "apply", "--reason", "a test", file, "--server", s.url, "-o", "json", "--if-match", "0")
	var applied api.Applied
	if err := json.Unmarshal([]byte(out), &applied); err != nil || applied.ID != "rush" || applied.Revision != 1 || applied.Ruleset != 1 {
		t.Errorf("%v: %s", err, out)
	}
	var view api.Campaign
	out = requireRun(t, folder, "campaign", "get", "rush", "--server", s.url, "-o", "json")
	if err := json.Unmarshal([]byte(out), &view); err != nil || view.Items[0].Left != 5 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestARevisionThatHasPassedIsRefused(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	file := writeFile(t, folder, "rush.yaml", fmt.Sprintf(rushFile, 5))
	apply := func(revision string) result {
		return run(t, folder, "campaign", "apply", "--reason", "a test", file, "--server", s.url, "--if-match", revision)
	}
	for _, step := range []struct {
		revision string
		code     int
		says     string
	}{
		{"1", exitFailed, "precondition_failed"}, {"0", exitOK, "applied"}, {"0", exitFailed, "precondition_failed"},
		{"1", exitOK, "applied"}, {"7", exitFailed, "precondition_failed"}, {"first", exitUsage, "not a revision"},
	} {
		if r := apply(step.revision); r.code != step.code || !strings.Contains(r.stderr, step.says) {
			t.Errorf("--if-match %s: exit %d, %s", step.revision, r.code, r.stderr)
		}
	}
}

func TestEveryProblemOfAFileIsReportedWhereItIsAndNothingIsApplied(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	good := fmt.Sprintf(rushFile, 5)
	for _, test := range []struct {
		name, old, replacement string
		want                   []string
	}{
		{"a slip of a key", "stock: 5", "stok: 5", []string{"rush.yaml:7:43: items[0].stok: there is no such key (did you mean stock?)"}},
		{"two mistakes", "price: 179900, stock: 5", "price: -1, stock: -5", []string{"rush.yaml:7:", "items[0].price", "items[0].stock"}},
		{"a rule that does not compile", `item.sku == "mx3"`, `item.skew == "mx3"`, []string{"rush.yaml:15:", "ruleset[0].rule.when", "item.skew"}},
		{"a mechanic nobody knows", "  - group", "  - mechanic: trade-inn\n  - group", []string{"ruleset[0].mechanic", "did you mean trade-in?"}},
		{"a plugin nobody knows", "  - group", "  - plugin: trade-inn\n  - group", []string{"ruleset[0].plugin", "did you mean trade-in?"}},
		{"a SKU nobody sells", "  - group", "  - {mechanic: seckill, config: {sku: mx4}}\n  - group", []string{"ruleset[0].config.sku", "did you mean mx3?"}},
		{"an input nobody declares", "  - group", "  - mechanic: trade-in\n  - group", []string{"input.trade_in.brand", "declare it under inputs"}},
		{"a deposit of nothing", "  - group", "  - mechanic: deposit\n  - group", []string{"ruleset[0].config", "misconfigured: This offer is not set up correctly."}},
		{"no YAML", "campaign: rush", "campaign: [rush", []string{"rush.yaml:"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			broken := strings.Replace(good, test.old, test.replacement, 1)
			if broken == good {
				t.Fatalf("%q is not in the file", test.old)
			}
			r := run(t, folder, "campaign", "apply", "--reason", "a test", writeFile(t, folder, "rush.yaml", broken), "--server", s.url)
			if r.code != exitFailed || r.stdout != "" {
				t.Errorf("exit %d, stdout %q", r.code, r.stdout)
			}
			for _, want := range test.want {
				if !strings.Contains(r.stderr, want) {
					t.Errorf("%q is not in\n%s", want, r.stderr)
				}
			}
			request(t, http.StatusNotFound, http.MethodGet, s.url+"/v1/campaigns/rush", tokenOf(t, s.url, "x"), "", "")
		})
	}
}

func TestAFileCanComeFromStdin(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	cmd := hotdrop(t.Context(), folder, "campaign", "apply", "--reason", "a test", "-", "--server", s.url)
	cmd.Stdin = strings.NewReader(fmt.Sprintf(rushFile, 5))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheKeyIsTheDemosOrMustBeGiven(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	other := t.TempDir()
	if r := run(t, other, "campaign", "export", "car", "--server", s.url); r.code != exitUsage || !strings.Contains(r.stderr, "HOTDROP_KEY") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	if r := run(t, other, "campaign", "export", "car", "--server", s.url, "--key", "wrong"); r.code != exitFailed || !strings.Contains(r.stderr, "unauthorized") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	config := writeFile(t, other, "hotdrop.yaml", "server: "+s.url+"\nkey: "+keyOf(demoKeys(t, folder+"/data"), core.RoleBrand)+"\n")
	if r := run(t, other, "campaign", "export", "car", "--config", config); r.code != exitFailed || !strings.Contains(r.stderr, "not_found") {
		t.Errorf("another brand's key from the config file: exit %d: %s", r.code, r.stderr)
	}
}

func TestWhatIsNotAProblemDocumentKeepsItsStatusAndFirstWords(t *testing.T) {
	p := problemOf(http.StatusBadGateway, []byte("<html>"+strings.Repeat("x", 1000)))
	if p.Status != http.StatusBadGateway || len(p.Detail) != 200 || !strings.HasPrefix(p.Detail, "<html>") {
		t.Errorf("%+v", p)
	}
}

func TestTheDemoCampaignsAreCompleteForTheirPhases(t *testing.T) {
	all, err := demoCampaigns()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 4 {
		t.Fatalf("%d campaigns", len(all))
	}
	for _, c := range all {
		if c.definition.Phases.Start(c.phase).IsZero() {
			t.Errorf("%s has no phase %s to be shown in", c.definition.ID, c.phase)
		}
	}
}
