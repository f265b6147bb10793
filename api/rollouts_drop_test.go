package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// cheaper is a ruleset that takes off so much from a case.
func cheaper(off int64) string {
	return fmt.Sprintf(`{"bindings":[{"rule":{"rule":"cheaper","hook":"quote","when":"item.sku == \"case\"",
		"then":[{"discount":{"amount":"%d","label":"Cheaper"}}]}}],"reason":"cheaper"}`, off)
}

// swappedBy is what the body changes of the campaign phone, which has to work.
func swappedBy(t *testing.T, c *client, path, body string) Swapped {
	t.Helper()
	a := c.do(http.MethodPost, "/v1/campaigns/phone/"+path, body).wants(t, http.StatusOK)
	var s Swapped
	if err := json.Unmarshal([]byte(a.body), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// caseCosts checks what the shopper would pay for a case.
func caseCosts(t *testing.T, shopper *client, want string) {
	t.Helper()
	a := shopper.do(http.MethodPost, "/v1/campaigns/phone/quotes", `{"sku":"case","quantity":1}`).wants(t, http.StatusOK)
	if got := jsonText(t, a.value(t)["total"]); got != want {
		t.Errorf("a case costs %s, want %s", got, want)
	}
}

func TestARulesetIsAddedTriedMadeLiveStoppedAndTakenBack(t *testing.T) {
	s, c := newDrop(t)
	operator := openDrop(t, s, c, core.PhaseSale)
	shopper := c.as(s, alice)
	added := operator.do(http.MethodPost, "/v1/campaigns/phone/rulesets", cheaper(100)).wants(t, http.StatusCreated).value(t)
	if jsonText(t, added["ruleset"]) != "2" || added["reason"] != "cheaper" {
		t.Errorf("added %v", added)
	}
	caseCosts(t, shopper, "1000")
	change := func(mode string, more string) string {
		return fmt.Sprintf(`{"mode":%q%s,"expect":%d,"reason":"r","wait":5000}`, mode, more, rolloutNumber(t, operator))
	}
	shadow := swappedBy(t, operator, "rollout", change("shadow", `,"ruleset":2`))
	if shadow.State.Shadow == nil || shadow.State.Shadow.Ruleset != 2 || shadow.State.Live != 1 {
		t.Errorf("shadow %+v", shadow)
	}
	caseCosts(t, shopper, "1000")
	canary := swappedBy(t, operator, "rollout", change("canary", `,"ruleset":2,"tag":"fan"`))
	if canary.State.Canary == nil || canary.Rollout != shadow.Rollout+1 || canary.Epoch != shadow.Epoch+1 {
		t.Errorf("canary %+v", canary)
	}
	caseCosts(t, shopper, "900") // alice has the tag
	caseCosts(t, c.as(s, core.Principal{ID: "bob", Role: core.RoleShopper}), "1000")
	live := swappedBy(t, operator, "rollout", change("live", `,"ruleset":2`))
	if live.State.Live != 2 || live.State.Canary != nil || len(live.Nodes) != 1 || live.Nodes[0].FollowedAt == nil {
		t.Errorf("live %+v", live)
	}
	if since := live.Nodes[0].FollowedAt.Sub(live.CommittedAt); since < -time.Minute || since > time.Minute {
		t.Errorf("committed at %s, followed at %s", live.CommittedAt, live.Nodes[0].FollowedAt)
	}
	caseCosts(t, c.as(s, core.Principal{ID: "bob", Role: core.RoleShopper}), "900")
	if stopped := swappedBy(t, operator, "stop", `{"level":"mechanics","reason":"r"}`); stopped.State.Stop != "mechanics" {
		t.Errorf("stopped %+v", stopped)
	}
	caseCosts(t, shopper, "1000")
	if on := swappedBy(t, operator, "stop", `{"level":"none","reason":"r"}`); on.State.Stop != "none" || on.State.Live != 2 {
		t.Errorf("on again %+v", on)
	}
	caseCosts(t, shopper, "900")
}

func rolloutNumber(t *testing.T, operator *client) int64 {
	t.Helper()
	return rolloutState(t, operator).Rollout
}

func rolloutState(t *testing.T, staff *client) RolloutState {
	t.Helper()
	a := staff.do(http.MethodGet, "/v1/campaigns/phone/rollout?limit=100", "").wants(t, http.StatusOK)
	var state RolloutState
	if err := json.Unmarshal([]byte(a.body), &state); err != nil {
		t.Fatal(err)
	}
	return state
}

func TestAnUndoGoesBackAndTheHistorySaysWhoDidWhatAndWhy(t *testing.T) {
	s, c := newDrop(t)
	operator := openDrop(t, s, c, core.PhaseSale)
	brand := c.withKey(s, "demo-xiaomi")
	brand.do(http.MethodPost, "/v1/campaigns/phone/rulesets", cheaper(100)).wants(t, http.StatusCreated)
	seen := rolloutNumber(t, brand)
	swappedBy(t, brand, "rollout", fmt.Sprintf(`{"mode":"live","ruleset":2,"expect":%d,"reason":"cheaper"}`, seen))
	operator.do(http.MethodPost, "/v1/campaigns/phone/undo", fmt.Sprintf(`{"expect":%d,"reason":"too cheap"}`, seen)).
		problem(t, core.CodePreconditionFailed)
	undone := swappedBy(t, operator, "undo", fmt.Sprintf(`{"expect":%d,"reason":"too cheap"}`, seen+1))
	if undone.State.Live != 1 || undone.State.Action != core.ActionUndo {
		t.Errorf("undone %+v", undone)
	}
	caseCosts(t, c.as(s, alice), "1000")
	history := rolloutState(t, brand).History.Data
	if len(history) < 3 || history[0].State.Reason != "too cheap" || history[0].State.By != "demo-operator" ||
		history[1].State.By != "demo-xiaomi" || history[1].State.Role != core.RoleBrand || history[1].State.Live != 2 {
		t.Errorf("the history is %+v", history)
	}
	for i := 1; i < len(history); i++ {
		if history[i].Revision >= history[i-1].Revision {
			t.Errorf("revision %d stands before %d", history[i-1].Revision, history[i].Revision)
		}
	}
	page := operator.do(http.MethodGet, "/v1/campaigns/phone/rulesets?limit=1", "").wants(t, http.StatusOK).value(t)
	rows, _ := page["data"].([]any)
	if len(rows) != 1 || page["next"] != "2" {
		t.Errorf("the first page of rulesets is %v", page)
	}
	rest := operator.do(http.MethodGet, "/v1/campaigns/phone/rulesets?cursor=2", "").wants(t, http.StatusOK)
	if !strings.Contains(rest.body, "no-black-cases") || strings.Contains(rest.body, `"ruleset":2`) || !strings.HasSuffix(rest.body, `"next":null}`+"\n") {
		t.Errorf("the rest is %s", rest.body)
	}
}

func TestARolloutIsOnlyChangedByWhoHasSeenIt(t *testing.T) {
	s, c := newDrop(t)
	operator := openDrop(t, s, c, core.PhaseSale)
	operator.do(http.MethodPost, "/v1/campaigns/phone/rulesets", cheaper(100)).wants(t, http.StatusCreated)
	seen := rolloutNumber(t, operator)
	for body, code := range map[string]core.Code{
		`{"mode":"live","ruleset":2,"expect":99,"reason":"r"}`:                                                core.CodePreconditionFailed,
		fmt.Sprintf(`{"mode":"live","ruleset":3,"expect":%d,"reason":"r"}`, seen):                             core.CodeNotFound,
		fmt.Sprintf(`{"mode":"live","expect":%d,"reason":"r"}`, seen):                                         core.CodeInvalid,
		fmt.Sprintf(`{"mode":"canary","ruleset":2,"expect":%d,"reason":"r"}`, seen):                           core.CodeInvalid,
		fmt.Sprintf(`{"mode":"live","ruleset":2,"percent":5,"expect":%d,"reason":"r"}`, seen):                 core.CodeInvalid,
		fmt.Sprintf(`{"mode":"shadow","ruleset":2,"holds":"drain","expect":%d,"reason":"r"}`, seen):           core.CodeInvalid,
		fmt.Sprintf(`{"mode":"abort","expect":%d,"reason":"r"}`, seen):                                        core.CodeWrongState,
		fmt.Sprintf(`{"mode":"abort","ruleset":2,"expect":%d,"reason":"r"}`, seen):                            core.CodeInvalid,
		fmt.Sprintf(`{"mode":"live","ruleset":2,"at":"2012-12-21T12:00:00Z","expect":%d,"reason":"r"}`, seen): core.CodeInvalid,
		fmt.Sprintf(`{"mode":"canary","ruleset":1,"percent":5,"expect":%d,"reason":"r"}`, seen):               core.CodeWrongState,
	} {
		operator.do(http.MethodPost, "/v1/campaigns/phone/rollout", body).problem(t, code)
	}
	operator.do(http.MethodPost, "/v1/campaigns/phone/approvals", fmt.Sprintf(`{"expect":%d,"reason":"r"}`, seen)).problem(t, core.CodeWrongState)
	operator.do(http.MethodPost, "/v1/campaigns/none/undo", `{"reason":"r"}`).problem(t, core.CodeNotFound)
	if now := rolloutNumber(t, operator); now != seen {
		t.Errorf("a refused change made rollout %d of %d", now, seen)
	}
}

func TestARulesetThatDoesNotSuitTheCampaignGetsNoNumber(t *testing.T) {
	s, c := newDrop(t)
	operator := openDrop(t, s, c, core.PhaseSale)
	for body, path := range map[string]string{
		`{"bindings":[{"rule":{"rule":"x","hook":"quote","when":"item.skew == 1","then":[]}}],"reason":"r"}`:      "bindings[0].rule.when",
		`{"bindings":[{"rule":{"rule":"x","hook":"quote","then":[]},"mechanic":"seckill"}],"reason":"r"}`:         "bindings[0]",
		`{"bindings":[{"on_failure":"shrug","rule":{"rule":"x","hook":"quote","then":[]}}],"reason":"r"}`:         "bindings[0].on_failure",
		`{"bindings":[{"rule":{"rule":"x","hook":"quote","when":"input.size == \"L\"","then":[]}}],"reason":"r"}`: "bindings[0]",
	} {
		v := operator.do(http.MethodPost, "/v1/campaigns/phone/rulesets", body).problem(t, core.CodeInvalid)
		list, _ := v["problems"].([]any)
		found := false
		for _, one := range list {
			problem, _ := one.(map[string]any)
			at, _ := problem["path"].(string)
			found = found || strings.HasPrefix(at, path)
		}
		if !found {
			t.Errorf("nothing at %s: %v", path, v)
		}
	}
	if state := rolloutState(t, operator); state.Rulesets != 1 {
		t.Errorf("there are %d rulesets", state.Rulesets)
	}
}
