package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/core/storetest"
	"hotdrop/plugins"
)

// tagged is a token of a shopper with the tag staff.
func (a *author) tagged(shopper string) string {
	a.t.Helper()
	return request(a.t, http.StatusOK, http.MethodPost, a.server.url+"/v1/demo/tokens", "", "",
		`{"role":"shopper","id":"`+shopper+`","tags":["staff"]}`).str("token")
}

// pays is what an order of a trade-in costs whoever has the token.
func (a *author) pays(campaign, token string) any {
	a.t.Helper()
	placed := request(a.t, http.StatusCreated, http.MethodPost, a.server.url+"/v1/campaigns/"+campaign+"/orders", token, "k", tradeInOrder)
	return placed.body["total"]
}

// TestARevokedPluginOfARunningCanary revokes what a canary tries, and walks on with it: what shoppers pay, what the terminal and
// the API say, what staff can do, and a demo's jump to another time.
func TestARevokedPluginOfARunningCanary(t *testing.T) {
	t.Run("on SQLite", func(t *testing.T) { revokeCanary(t, newAuthor(t)) })
	t.Run("on Postgres", func(t *testing.T) { revokeCanary(t, newAuthor(t, "--database-url", storetest.PostgresURL(t))) })
}

func revokeCanary(t *testing.T, a *author) {
	t.Helper()
	const cheaper = listPrice - 100
	module := packedTradeIn(t, "")
	digest := plugins.Digest(module)
	if r := a.submit(module); r.code != exitOK {
		t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	a.decide(http.StatusOK, digest, "approvals")
	binding := "  - plugin: " + digest + "\n    config: {sku: mx3}\n"
	live := `  - rule: {rule: cheaper, hook: quote, then: [{discount: {amount: "100", label: {en: Cheaper, zh: 便宜一点}}}]}` + "\n"
	file := writeFile(t, a.folder, "walks.yaml", strings.Replace(tradeInCampaign("walks", "meizu", digest), binding, live, 1))
	requireRun(t, a.folder, "campaign", "apply", file, "--server", a.server.url)
	rollout := func(want int, action string, args ...string) result {
		t.Helper()
		r := rolloutRun(t, a.folder, a.server.url, action, "walks", args...)
		if r.code != want {
			t.Fatalf("%s: exit %d\n%s%s", action, r.code, r.stdout, r.stderr)
		}
		return r
	}
	rollout(exitOK, "add", writeFile(t, a.folder, "canary.yaml", "ruleset:\n"+binding+"    on_failure: skip\n"), "--reason", "r")
	rollout(exitOK, "canary", "v2", "--tag", "staff", "--reason", "r")
	if canary, everybody := a.pays("walks", a.tagged("ann")), a.pays("walks", tokenOf(t, a.server.url, "bob")); canary != tradeInPrice || everybody != cheaper {
		t.Errorf("before: the canary pays %v, everybody else %v", canary, everybody)
	}

	a.decide(http.StatusOK, digest, "revocations")
	if canary, everybody := a.pays("walks", a.tagged("cid")), a.pays("walks", tokenOf(t, a.server.url, "dan")); canary != listPrice || everybody != cheaper {
		t.Errorf("revoked: the canary pays %v, everybody else %v", canary, everybody)
	}
	a.saysWithout("walks", "v2 decides without trade-in, its binding 1 (revoked): the plugin is revoked, not approved: because; on failure: skip")
	if r := rollout(exitFailed, "promote", "--reason", "r"); !strings.Contains(r.stderr, "revoked") {
		t.Errorf("promoting it says\n%s", r.stderr)
	}

	a.jumps("walks")
	if canary, everybody := a.pays("walks", a.tagged("eve")), a.pays("walks", tokenOf(t, a.server.url, "fay")); canary != listPrice || everybody != cheaper {
		t.Errorf("after the jump: the canary pays %v, everybody else %v", canary, everybody)
	}
	a.saysWithout("walks", "v2 decides without trade-in")
	rollout(exitOK, "abort", "--reason", "r")
	if canary := a.pays("walks", a.tagged("gus")); canary != cheaper {
		t.Errorf("aborted: the canary pays %v", canary)
	}
}

// saysWithout holds what the terminal and the API say of the one binding that is not asked.
func (a *author) saysWithout(campaign, want string) {
	a.t.Helper()
	status := requireRun(a.t, a.folder, "rollout", "status", campaign, "--server", a.server.url)
	if strings.Count(status, "WITHOUT") != 1 || !strings.Contains(strings.Join(strings.Fields(status), " "), "WITHOUT "+want) {
		a.t.Errorf("the status is\n%s", status)
	}
	operator := keyOf(demoKeys(a.t, filepath.Join(a.folder, "data")), core.RoleOperator)
	state := request(a.t, http.StatusOK, http.MethodGet, a.server.url+"/v1/campaigns/"+campaign+"/rollout", operator, "", "")
	idle, _ := state.body["idle"].([]any)
	one, _ := append(idle, nil)[0].(map[string]any)
	if len(idle) != 1 || one["why"] != "revoked" || one["on_failure"] != "skip" || one["ruleset"] != float64(2) || one["binding"] != float64(0) {
		a.t.Errorf("idle is %v", idle)
	}
}

// jumps has the demo begin the sale now.
func (a *author) jumps(campaign string) {
	a.t.Helper()
	operator := keyOf(demoKeys(a.t, filepath.Join(a.folder, "data")), core.RoleOperator)
	request(a.t, http.StatusOK, http.MethodPost, a.server.url+"/v1/demo/campaigns/"+campaign+"/phase", operator, "", `{"phase":"sale"}`)
}

// TestADemoJumpsToAnotherPhaseAlthoughAPluginIsRevoked jumps with campaigns whose live rulesets bind it.
func TestADemoJumpsToAnotherPhaseAlthoughAPluginIsRevoked(t *testing.T) {
	a := newAuthor(t)
	s := &shop{a}
	module := packedTradeIn(t, "")
	digest := plugins.Digest(module)
	if r := a.submit(module); r.code != exitOK {
		t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	a.decide(http.StatusOK, digest, "approvals")
	for id, policy := range map[string]string{"denies": "deny", "skips": "skip"} {
		file := tradeInCampaign(id, "meizu", digest) + "    on_failure: " + policy + "\n"
		requireRun(t, a.folder, "campaign", "apply", writeFile(t, a.folder, id+".yaml", file), "--server", a.server.url)
	}
	a.decide(http.StatusOK, digest, "revocations")
	for _, id := range []string{"denies", "skips"} {
		a.jumps(id)
		status := requireRun(t, a.folder, "rollout", "status", id, "--server", a.server.url)
		if !strings.Contains(status, "v1 decides without trade-in, its binding 1 (revoked)") {
			t.Errorf("the status of %s is\n%s", id, status)
		}
	}
	if got := s.order(http.StatusServiceUnavailable, "ann", "denies"); got.code() != string(core.CodeMechanicFailed) {
		t.Errorf("refused as %s", got.text)
	}
	if got := s.order(http.StatusCreated, "ann", "skips"); got.body["total"] != listPrice {
		t.Errorf("the revoked plugin decided %s", got.text)
	}
}
