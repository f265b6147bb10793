package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/core/storetest"
)

// cheaperFile is a ruleset that takes so many fen off everything that costs more than a yuan.
const cheaperFile = `ruleset:
  - rule:
      rule: cheaper
      hook: quote
      when: item.price > 100
      then:
        - discount: {amount: "%d", label: {en: Cheaper, zh: 便宜一点}}
`

// moments are the parts of an effect that no two runs have in common.
var moments = regexp.MustCompile(`\d\d:\d\d:\d\d\.\d{3}`)

// rolloutRun runs `hotdrop rollout` on the campaign.
func rolloutRun(t *testing.T, folder, url, action, campaign string, args ...string) result {
	t.Helper()
	return run(t, folder, append([]string{"rollout", action, campaign, "--server", url}, args...)...)
}

// instants are the moments of changes that wait.
var instants = regexp.MustCompile(`20\d\d-\d\d-\d\d \d\d:\d\d:\d\d`)

// wantEffect runs a change that has to work, and holds what it printed against the sentence.
func wantEffect(t *testing.T, folder, url, want, action string, args ...string) {
	t.Helper()
	r := rolloutRun(t, folder, url, action, "trade-in", append(args, "--reason", "because")...)
	got := instants.ReplaceAllString(moments.ReplaceAllString(r.stdout, "NOW"), "THEN")
	if r.code != exitOK || got != want+"\n" {
		t.Errorf("%s %v: exit %d, it printed\n\t%swant\n\t%s\n%s", action, args, r.code, got, want, r.stderr)
	}
}

func TestEveryActionOfARolloutEndsWithWhatWasObservedOfIt(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	file := writeFile(t, folder, "cheaper.yaml", fmt.Sprintf(cheaperFile, 100))
	dearer := writeFile(t, folder, "dearer.yaml", requireRun(t, folder, "campaign", "export", "trade-in", "--server", s.url))
	do := func(want, action string, args ...string) {
		t.Helper()
		wantEffect(t, folder, s.url, want, action, args...)
	}
	const here = " on 1 of 1 node since NOW"
	do("v2 is ready on 1 of 1 node", "add", file)
	do("v3 is ready on 1 of 1 node", "add", dearer) // a whole campaign file has a ruleset, too
	const report = "\nnext: hotdrop rollout report trade-in"
	do("v2 is compared with v1"+here+report, "shadow", "v2")
	do("v2 decides for 5 % of shoppers"+here+report, "canary", "2", "--percent", "5")
	do("v2 decides for shoppers with the tag staff"+here+report, "canary", "v2", "--tag", "staff")
	do("v1 decides for everybody"+here, "abort")
	do("v1 decides, v2 for shoppers with the tag staff, v2 is compared"+here, "undo")
	do("v2 decides"+here, "promote")
	do("v3 decides"+here, "live", "v3", "--holds", "offer")
	do("v2 decides"+here, "undo")
	do("new reservations are off"+here, "stop", "reservations")
	do("mechanics are off"+here, "stop", "mechanics")
	do("mechanics are off, else v1 decides"+here, "live", "v1")
	do("the campaign is off"+here, "stop", "campaign")
	do("v1 decides again"+here, "stop", "none")
	do("v2 decides since NOW; no node was waited for", "live", "v2", "--wait", "0s")
	r := rolloutRun(t, folder, s.url, "live", "trade-in", "v3", "--at", "+1h", "--reason", "later")
	if r.code != exitOK || !strings.HasPrefix(r.stdout, "v3 waits to be live at 20") || !strings.Contains(r.stderr, "trade-in is at rollout") {
		t.Errorf("later: %+v", r)
	}
	do("the campaign is off"+here+"\nstill v3 waits to be live at THEN", "stop", "campaign")
	do("the campaign is off"+here+"\nstill v3 waits to be live at THEN", "stop", "campaign")
	do("v2 decides again"+here+"\nstill v3 waits to be live at THEN", "stop", "none")
	do("v2 decides for everybody"+here+"\ndropped: v3 at THEN", "abort")
	do("v3 waits to be live at THEN", "live", "v3", "--at", "+1h")
	do("v1 decides"+here+"\ndropped: v3 at THEN", "live", "v1")
	do("v3 decides"+here, "live", "v3", "--holds", "drain") // nobody holds an order
	do("v1 decides"+here, "live", "v1", "--at", "+1s")
}

func TestADrainWaitsForWhoHoldsAnOrder(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	file := writeFile(t, folder, "cheaper.yaml", fmt.Sprintf(cheaperFile, 100))
	requireRun(t, folder, "rollout", "add", "phone", file, "--server", s.url, "--reason", "r")
	ann := tokenOf(t, s.url, "ann")
	buy := `{"sku":"` + firstItem(t, s.url, "phone") + `","quantity":1}`
	operator := keyOf(demoKeys(t, filepath.Join(folder, "data")), core.RoleOperator)
	phase := s.url + "/v1/demo/campaigns/phone/phase"
	request(t, http.StatusOK, http.MethodPost, phase, operator, "", `{"phase":"reservation"}`)
	request(t, http.StatusCreated, http.MethodPost, s.url+"/v1/campaigns/phone/reservations", ann, "", "")
	request(t, http.StatusOK, http.MethodPost, phase, operator, "", `{"phase":"sale"}`)
	order := request(t, http.StatusCreated, http.MethodPost, s.url+"/v1/campaigns/phone/orders", ann, "a", buy)
	r := rolloutRun(t, folder, s.url, "live", "phone", "v2", "--holds", "drain", "--wait", "100ms", "--reason", "r")
	const waits = "v2 waits to be live until the orders that were placed have ended; nothing is sold meanwhile\n"
	if r.code != exitOK || r.stdout != waits {
		t.Errorf("%+v", r)
	}
	refused := request(t, http.StatusConflict, http.MethodPost, s.url+"/v1/campaigns/phone/orders", ann, "b", buy)
	if refused.code() != "draining" || refused.header.Get("Retry-After") == "" {
		t.Errorf("meanwhile an order is answered with %s, Retry-After %q", refused.text, refused.header.Get("Retry-After"))
	}
	request(t, http.StatusOK, http.MethodPost, s.url+"/v1/orders/"+order.str("id")+"/cancel", ann, "c", "")
	c := &client{server: s.url, key: operator}
	state, err := c.rolloutState(t.Context(), "phone", 1)
	for err == nil && state.State.Pending != nil && t.Context().Err() == nil {
		state, err = c.rolloutState(t.Context(), "phone", 1)
	}
	if err != nil || state.State.Live != 2 || state.State.Draining {
		t.Errorf("then it is %+v, %v", state, err)
	}
}

// cannedServer answers every change with the status and the body, and every question with a fresh rollout.
func cannedServer(t *testing.T, status int, body string) string {
	t.Helper()
	fresh := readText(t, "testdata/rollout/fresh.json")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, fresh)
			return
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestANodeThatIsNotReadyOrDoesNotFollowIsNamed(t *testing.T) {
	url := cannedServer(t, http.StatusConflict, `{"code":"not_ready","detail":"node b is not ready for ruleset 2: there is no such plugin"}`)
	r := rolloutRun(t, t.TempDir(), url, "live", "car", "v2", "--reason", "r", "--key", "k")
	if r.code != exitFailed || r.stdout != "" || !strings.Contains(r.stderr, "node b is not ready for ruleset 2: there is no such plugin\nnext: wait and try again, or --force") {
		t.Errorf("not ready: %+v", r)
	}
	url = cannedServer(t, http.StatusOK, `{"campaign":"car","rollout":2,"revision":2,"state":{"live":2,"stop":"none","action":"live"},
		"nodes":[{"node":"a","revision":2,"followed_at":"2026-11-22T12:00:03.214Z"},{"node":"b","revision":1}]}`)
	r = rolloutRun(t, t.TempDir(), url, "live", "car", "v2", "--reason", "r", "--key", "k")
	const want = "v2 decides on 1 of 2 nodes since NOW; node b has not followed within 10s\n"
	if got := moments.ReplaceAllString(r.stdout, "NOW"); r.code != exitFailed || got != want {
		t.Errorf("not followed: %+v", r)
	}
}

func TestTheResultOfAChangeIsOneObject(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	file := writeFile(t, folder, "cheaper.yaml", fmt.Sprintf(cheaperFile, 100))
	var ruleset api.Ruleset
	r := rolloutRun(t, folder, s.url, "add", "trade-in", file, "--reason", "r", "-o", "json")
	if err := json.Unmarshal([]byte(r.stdout), &ruleset); err != nil || ruleset.Ruleset != 2 || ruleset.Reason != "r" {
		t.Errorf("%v: %+v", err, r)
	}
	var swapped api.Swapped
	r = rolloutRun(t, folder, s.url, "live", "trade-in", "2", "--reason", "r", "-o", "json", "--expect", "1")
	if err := json.Unmarshal([]byte(r.stdout), &swapped); err != nil || swapped.State.Live != 2 || swapped.Nodes[0].FollowedAt == nil || r.stderr != "" {
		t.Errorf("%v: %+v", err, r)
	}
	var state api.RolloutState
	r = rolloutRun(t, folder, s.url, "status", "trade-in", "-o", "json")
	if err := json.Unmarshal([]byte(r.stdout), &state); err != nil || state.State.Live != 2 || len(state.Nodes) != 1 || state.History.Data[0].State.Reason != "r" {
		t.Errorf("%v: %+v", err, r)
	}
}

func TestAChangeSaysOnHowManyNodesOfSeveralItIsInForce(t *testing.T) {
	folder, database := t.TempDir(), storetest.PostgresURL(t)
	servers := sharedServers(t, folder, database, 3)
	file := writeFile(t, folder, "cheaper.yaml", fmt.Sprintf(cheaperFile, 100))
	const everywhere = " on 3 of 3 nodes since NOW"
	wantEffect(t, folder, servers[0].url, "v2 is ready on 3 of 3 nodes", "add", file)
	wantEffect(t, folder, servers[1].url, "v2 decides for 5 % of shoppers"+everywhere+"\nnext: hotdrop rollout report trade-in", "canary", "v2", "--percent", "5")
	wantEffect(t, folder, servers[2].url, "v2 decides"+everywhere, "promote")
	for _, one := range servers {
		quote := request(t, http.StatusOK, http.MethodPost, one.url+"/v1/campaigns/group/quotes", tokenOf(t, one.url, "ann"), "",
			`{"sku":"`+firstItem(t, one.url, "group")+`","quantity":1}`)
		if quote.body["total"] == nil {
			t.Errorf("%s: %s", one.url, quote.text)
		}
	}
	servers[1].kill(t)
	r := rolloutRun(t, folder, servers[0].url, "undo", "trade-in", "--reason", "a node is down")
	const undone = "v1 decides, v2 for 5 % of shoppers on 2 of 3 nodes since NOW; "
	if got := moments.ReplaceAllString(r.stdout, "NOW"); !strings.HasPrefix(got, undone) {
		t.Errorf("while a node is down: %+v", r)
	}
	r = rolloutRun(t, folder, servers[0].url, "live", "trade-in", "v1", "--reason", "it stays down")
	if got := moments.ReplaceAllString(r.stdout, "NOW"); r.code != exitOK || !strings.HasPrefix(got, "v1 decides on 2 of 3 nodes since NOW; ") ||
		!strings.Contains(got, " was last seen ") {
		t.Errorf("once it is lost: %+v", r)
	}
	r = rolloutRun(t, folder, servers[0].url, "status", "trade-in")
	if !strings.Contains(r.stdout, "nodes: 2 of 3 follow") || !strings.Contains(r.stdout, "LOST") {
		t.Errorf("once it is lost:\n%s", r.stdout)
	}
}

// firstItem is the SKU of the campaign's first item.
func firstItem(t *testing.T, url, campaign string) string {
	t.Helper()
	var view api.Campaign
	a := request(t, http.StatusOK, http.MethodGet, url+"/v1/campaigns/"+campaign, tokenOf(t, url, "ann"), "", "")
	if err := json.Unmarshal([]byte(a.text), &view); err != nil {
		t.Fatal(err)
	}
	return view.Items[0].SKU
}

func TestWhatIsAskedForWronglyIsSaidBeforeAnythingIsSent(t *testing.T) {
	folder := t.TempDir()
	file := writeFile(t, folder, "cheaper.yaml", fmt.Sprintf(cheaperFile, 100))
	for _, c := range []struct {
		says string
		args []string
	}{
		{"--reason: say why", []string{"undo", "phone"}},
		{"--reason: say why", []string{"undo", "phone", "--reason", "  "}},
		{"--reason: say why", []string{"stop", "phone", "mechanics"}},
		{"--reason: say why", []string{"add", "phone", file}},
		{"--reason: say why", []string{"approve", "phone"}},
		{`"v0" is no ruleset`, []string{"live", "phone", "v0", "--reason", "r"}},
		{`"cheaper" is no ruleset`, []string{"shadow", "phone", "cheaper", "--reason", "r"}},
		{"--percent or --tag", []string{"canary", "phone", "v2", "--reason", "r"}},
		{"--percent or --tag", []string{"canary", "phone", "v2", "--percent", "5", "--tag", "a", "--reason", "r"}},
		{"must be a whole number, 1 to 99", []string{"canary", "phone", "v2", "--percent", "5.5", "--reason", "r"}},
		{"--percent: must be 1 to 99", []string{"canary", "phone", "v2", "--percent", "0", "--reason", "r"}},
		{"--percent: must be 1 to 99", []string{"canary", "phone", "v2", "--percent", "100", "--reason", "r"}},
		{"is no instant", []string{"live", "phone", "v2", "--at", "noon", "--reason", "r"}},
		{"must be honour or offer or drain", []string{"live", "phone", "v2", "--holds", "keep", "--reason", "r"}},
		{"--wait: must be 0s to 30s", []string{"undo", "phone", "--wait", "31s", "--reason", "r"}},
		{"--wait: must be 0s to 30s", []string{"add", "phone", file, "--wait", "-1s", "--reason", "r"}},
		{"--expect", []string{"undo", "phone", "--expect", "-1", "--reason", "r"}},
		{`"everything" is no level`, []string{"stop", "phone", "everything", "--reason", "r"}},
		{"a campaign and a level: none, reservations, mechanics, campaign", []string{"stop", "phone", "--reason", "r"}},
		{"accepts 2 arg(s)", []string{"live", "phone", "--reason", "r"}},
		{"accepts 1 arg(s)", []string{"status"}},
		{"unknown flag: --holds", []string{"shadow", "phone", "v2", "--holds", "drain", "--reason", "r"}},
	} {
		r := run(t, folder, append([]string{"rollout"}, append(c.args, "--server", "http://127.0.0.1:1", "--key", "k")...)...)
		if r.code != exitUsage || !strings.Contains(r.stderr, c.says) || r.stdout != "" {
			t.Errorf("%v: exit %d, %q on stdout, %s", c.args, r.code, r.stdout, r.stderr)
		}
	}
}

func TestWhatTheServerRefusesIsSaidWithWhatToTryNext(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	broken := writeFile(t, folder, "broken.yaml", strings.Replace(fmt.Sprintf(cheaperFile, 100), "item.price", "item.prize", 1))
	unknown := writeFile(t, folder, "unknown.yaml", "ruleset:\n  - mechanic: seckil\n")
	unfit := writeFile(t, folder, "unfit.yaml", "stacking: {}\nruleset:\n  - mechanic: seckill\n    config: {sku: mx4}\n")
	misspelt := writeFile(t, folder, "misspelt.yaml", "rules: []\n")
	meizu := brandKey(t, demoKeys(t, filepath.Join(folder, "data")), "meizu")
	for _, c := range []struct {
		name string
		says []string
		args []string
	}{
		{"a rollout that has passed", []string{"precondition_failed", "next: look at hotdrop rollout status"}, []string{"undo", "trade-in", "--expect", "99"}},
		{"nothing to undo", []string{"wrong_state"}, []string{"undo", "car"}},
		{"nothing to promote", []string{"has no canary", "next: hotdrop rollout live trade-in RULESET"}, []string{"promote", "trade-in"}},
		{"nothing to abort", []string{"wrong_state"}, []string{"abort", "trade-in"}},
		{"nothing to approve", []string{"wrong_state"}, []string{"approve", "trade-in"}},
		{"a reason that is too long", []string{"invalid", "body.reason", "500"}, []string{"stop", "trade-in", "mechanics", "--reason", strings.Repeat("r", 501)}},
		{"no such ruleset", []string{"not_found", "9"}, []string{"live", "trade-in", "v9"}},
		{"no such campaign", []string{"not_found"}, []string{"stop", "nowhere", "mechanics"}},
		{"another brand's campaign", []string{"not_found"}, []string{"stop", "phone", "mechanics", "--key", meizu}},
		{"an instant that has passed", []string{"invalid", "at must be an instant to come"}, []string{"live", "trade-in", "v1", "--at", "2012-12-21T12:00:00Z"}},
		{"a rule that does not compile", []string{"broken.yaml:5:", "ruleset[0].rule.when", "item.prize", "^"}, []string{"add", "trade-in", broken}},
		{"a mechanic nobody knows", []string{"unknown.yaml:2:", "did you mean seckill?"}, []string{"add", "trade-in", unknown}},
		{"a mechanic that does not suit the campaign", []string{"unfit.yaml:4:", "ruleset[0].config.sku", "mx3"}, []string{"add", "trade-in", unfit}},
		{"a key nobody knows", []string{"misspelt.yaml:1:", "there is no such key"}, []string{"add", "trade-in", misspelt}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := run(t, folder, append([]string{"rollout"}, append([]string{c.args[0], "--reason", "r"}, append(c.args[1:], "--server", s.url)...)...)...)
			if r.code != exitFailed || r.stdout != "" {
				t.Errorf("exit %d, %q on stdout", r.code, r.stdout)
			}
			for _, want := range c.says {
				if !strings.Contains(r.stderr, want) {
					t.Errorf("%q is not in\n%s", want, r.stderr)
				}
			}
		})
	}
	if r := rolloutRun(t, folder, s.url, "status", "trade-in"); !strings.Contains(r.stdout, "at rollout 1 ") {
		t.Errorf("what was refused changed something:\n%s", r.stdout)
	}
}
