package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// sampleRollout has everything that a rollout can have.
func sampleRollout() *core.Rollout {
	return &core.Rollout{
		Number: 8, Live: 7, LastGood: 6, Canary: &core.Canary{Ruleset: 8, Percent: 5, Since: 8}, Shadow: &core.Shadow{Ruleset: 9, Since: 7},
		Stop: core.StopReservations, Offer: 4, Draining: true, Forced: true, Undo: 7, Action: core.ActionCanary, At: 1356062400123,
		By: "demo-operator", Role: core.RoleOperator, Reason: "five in a hundred first",
		Breakers: core.Breakers{{Ruleset: 7, Binding: 1, Until: 1356062430000, Trips: 2, Failure: "out_of_fuel"}},
		Pending: &core.Pending{
			Change: core.Change{Mode: core.ModeLive, Ruleset: 9, Holds: core.HoldsDrain}, At: 1356066000000, Drain: true,
			Approval: "a price moves by 30 %", By: "demo-xiaomi", Role: core.RoleBrand, Asked: 1356062400000, Reason: "noon",
		},
	}
}

// swap answers a change of the rollout.
func (e *scripted) swap(request any) (*core.Swapped, error) {
	e.asked.swap = request
	return &core.Swapped{Rollout: cmp.Or(e.rollout, sampleRollout()), Revision: 12, Epoch: 9, At: 1356062400123}, cmp.Or(e.refused, e.call())
}

func (e *scripted) AddRuleset(_ context.Context, r core.RulesetRequest) (*core.Ruleset, error) {
	e.asked.swap = r
	return &core.Ruleset{Number: 9, Bindings: r.Bindings, Stacking: r.Stacking, Reason: r.Reason, CreatedBy: r.Actor.ID}, cmp.Or(e.refused, e.call())
}

func (e *scripted) ChangeRollout(_ context.Context, r core.RolloutRequest) (*core.Swapped, error) {
	return e.swap(r)
}

func (e *scripted) Undo(_ context.Context, r core.UndoRequest) (*core.Swapped, error) {
	return e.swap(r)
}

func (e *scripted) StopCampaign(_ context.Context, r core.StopRequest) (*core.Swapped, error) {
	return e.swap(r)
}

func (e *scripted) ApproveRollout(_ context.Context, r core.ApprovalRequest) (*core.Swapped, error) {
	return e.swap(r)
}

func (e *scripted) RolloutHistory(
	_ context.Context, campaign string, below int64, limit int, staff core.Principal,
) ([]core.RolloutEntry, error) {
	e.asked.who, e.asked.list = staff, fmt.Sprintf("%s %d %d", campaign, below, limit)
	entry := core.RolloutEntry{Campaign: campaign, Revision: 12, Epoch: 9, Rollout: *sampleRollout(), At: 1356062400123, Orders: 4711}
	before := entry
	before.Revision, before.Rollout = 11, core.Rollout{Number: 7, Live: 7, Action: core.ActionApply, By: "demo-xiaomi"}
	return []core.RolloutEntry{entry, before}, e.call()
}

func (*scripted) IdleBindings(context.Context, string) ([]core.IdleBinding, error) {
	return []core.IdleBinding{{
		Ruleset: 7, Binding: 1, Mechanic: "half", Plugin: "sha256:ab", Policy: core.FailDeny, Why: core.IdleRevoked,
		Message: "the plugin is revoked, not approved: costs too much",
	}, {
		Ruleset: 8, Binding: 0, Mechanic: "flash", Policy: core.FailLastGood, Why: core.IdleBreaker, Message: "it kept failing: out of order",
	}}, nil
}

func (e *scripted) Nodes(context.Context) ([]*core.Node, error) {
	return []*core.Node{
		{ID: "a", StartedAt: 1356062400000, SeenAt: 1356062401000, Version: "1", Campaigns: map[string]*core.NodeCampaign{"phone": {
			Revision: 12, Epoch: 9, Rollout: 8, FollowedAt: 1356062400150, Ready: []int64{7, 8},
			Refused: map[int64]string{10: "no", 9: "not here"}, Unserved: "ruleset 9 does not compile",
		}}},
		{ID: "b", StartedAt: 1356062400000, SeenAt: 1356062401000},
	}, e.call()
}

func (*scripted) Lost(context.Context) ([]*core.Node, error) {
	return []*core.Node{{ID: "z", SeenAt: 1356062390000}}, nil
}

func (e *scripted) AwaitFollowed(_ context.Context, campaign string, revision int64, wait time.Duration) ([]core.NodeFollowed, error) {
	e.asked.waited = fmt.Sprintf("%s %d %s", campaign, revision, wait)
	return []core.NodeFollowed{{Node: "a", At: 1356062400150, Revision: 12}, {Node: "b", Revision: 11}}, e.followed
}

// operatorOf is who the staff key of the scripted server's operator belongs to.
var operatorOf = core.Principal{ID: "demo-operator", Role: core.RoleOperator, Credential: "demo-operator", Address: "127.0.0.1"}

func TestEveryChangeOfARolloutReachesTheEngineAsItWasAsked(t *testing.T) {
	noon := time.Date(2012, 12, 21, 12, 0, 0, 0, time.FixedZone("", 8*3600)).UnixMilli()
	for _, c := range []struct {
		name, path, body string
		want             any
	}{
		{"live now", "rollout", `{"mode":"live","ruleset":9,"expect":8,"reason":"r"}`, core.RolloutRequest{
			Campaign: "phone", Change: core.Change{Mode: core.ModeLive, Ruleset: 9}, Expect: 8, Reason: "r", Actor: operatorOf,
		}},
		{"canary by percent", "rollout", `{"mode":"canary","ruleset":9,"percent":5,"expect":8,"reason":"r"}`, core.RolloutRequest{
			Campaign: "phone", Change: core.Change{Mode: core.ModeCanary, Ruleset: 9, Percent: 5}, Expect: 8, Reason: "r", Actor: operatorOf,
		}},
		{"canary by tag", "rollout", `{"mode":"canary","ruleset":9,"tag":"staff","expect":8,"reason":"r"}`, core.RolloutRequest{
			Campaign: "phone", Change: core.Change{Mode: core.ModeCanary, Ruleset: 9, Tag: "staff"}, Expect: 8, Reason: "r", Actor: operatorOf,
		}},
		{
			"live at noon, with everything", "rollout",
			`{"mode":"live","ruleset":9,"holds":"offer","at":"2012-12-21T12:00:00+08:00","force":true,"expect":8,"reason":"r"}`,
			core.RolloutRequest{
				Campaign: "phone", Change: core.Change{Mode: core.ModeLive, Ruleset: 9, Holds: core.HoldsOffer, Force: true}, Expect: 8,
				At: noon, Reason: "r", Actor: operatorOf,
			},
		},
		{"abort", "rollout", `{"mode":"abort","expect":8,"reason":"r"}`, core.RolloutRequest{
			Campaign: "phone", Change: core.Change{Mode: core.ModeAbort}, Expect: 8, Reason: "r", Actor: operatorOf,
		}},
		{"undo whatever is in force", "undo", `{"reason":"r"}`, core.UndoRequest{Campaign: "phone", Reason: "r", Actor: operatorOf}},
		{"undo what was seen", "undo", `{"expect":8,"reason":"r"}`, core.UndoRequest{
			Campaign: "phone", Expect: 8, Reason: "r", Actor: operatorOf,
		}},
		{"stop the mechanics", "stop", `{"level":"mechanics","reason":"r"}`, core.StopRequest{
			Campaign: "phone", Level: core.StopMechanics, Reason: "r", Actor: operatorOf,
		}},
		{"go on", "stop", `{"level":"none","reason":"r"}`, core.StopRequest{Campaign: "phone", Reason: "r", Actor: operatorOf}},
		{"approve", "approvals", `{"expect":8,"reason":"r"}`, core.ApprovalRequest{
			Campaign: "phone", Expect: 8, Reason: "r", Actor: operatorOf,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			engine, s, public := newScripted(t, false)
			a := public.withKey(s, "demo-operator").do(http.MethodPost, "/v1/campaigns/phone/"+c.path, c.body).wants(t, http.StatusOK)
			if !reflect.DeepEqual(engine.asked.swap, c.want) {
				t.Errorf("the engine was asked for\n%+v\nwant\n%+v", engine.asked.swap, c.want)
			}
			if engine.asked.waited != "" || !strings.Contains(a.body, `"nodes":[]`) {
				t.Errorf("nobody asked to wait: %q, %s", engine.asked.waited, a.body)
			}
		})
	}
}

func TestAChangeAnswersWhenItWasCommittedAndWhenEachNodeFollowed(t *testing.T) {
	engine, s, c := newScripted(t, false)
	operator := c.withKey(s, "demo-operator")
	for path, body := range map[string]string{
		"rollout": `{"mode":"live","ruleset":9,"expect":8,"reason":"r","wait":2500}`, "undo": `{"reason":"r","wait":2500}`,
		"stop": `{"level":"campaign","reason":"r","wait":2500}`, "approvals": `{"expect":8,"reason":"r","wait":2500}`,
	} {
		a := operator.do(http.MethodPost, "/v1/campaigns/phone/"+path, body).wants(t, http.StatusOK)
		const nodes = `"nodes":[{"node":"a","followed_at":"2012-12-21T04:00:00.15Z","revision":12},{"node":"b","revision":11}]`
		if engine.asked.waited != "phone 12 2.5s" || !strings.Contains(a.body, nodes) {
			t.Errorf("%s waited for %q: %s", path, engine.asked.waited, a.body)
		}
		const head = `{"campaign":"phone","rollout":8,"revision":12,"epoch":9,"committed_at":"2012-12-21T04:00:00.123Z"`
		if !strings.HasPrefix(a.body, head) {
			t.Errorf("%s answers %s", path, a.body)
		}
	}
	engine.followed = errors.New("the store is away")
	a := operator.do(http.MethodPost, "/v1/campaigns/phone/undo", `{"reason":"r","wait":1}`).wants(t, http.StatusOK)
	if !strings.Contains(a.body, `"nodes":[]`) {
		t.Errorf("a change that is in force was taken for one that failed: %s", a.body)
	}
}

func TestARequestThatBreaksItsContractChangesNothing(t *testing.T) {
	engine, s, c := newScripted(t, false)
	operator := c.withKey(s, "demo-operator")
	long := strings.Repeat("a", 501)
	for path, bodies := range map[string][]string{
		"rollout": {
			`{}`, `{"mode":"live","ruleset":9,"expect":8}`, `{"mode":"live","ruleset":9,"reason":"r"}`, `{"ruleset":9,"expect":8,"reason":"r"}`,
			`{"mode":"life","ruleset":9,"expect":8,"reason":"r"}`, `{"mode":"live","ruleset":0,"expect":8,"reason":"r"}`,
			`{"mode":"live","ruleset":-1,"expect":8,"reason":"r"}`, `{"mode":"live","ruleset":9,"expect":0,"reason":"r"}`,
			`{"mode":"live","ruleset":"v9","expect":8,"reason":"r"}`, `{"mode":"live","ruleset":9.5,"expect":8,"reason":"r"}`,
			`{"mode":"canary","ruleset":9,"percent":100,"expect":8,"reason":"r"}`, `{"mode":"canary","ruleset":9,"percent":0,"expect":8,"reason":"r"}`,
			`{"mode":"live","ruleset":9,"at":"noon","expect":8,"reason":"r"}`, `{"mode":"live","ruleset":9,"at":1356062400,"expect":8,"reason":"r"}`,
			`{"mode":"live","ruleset":9,"holds":"keep","expect":8,"reason":"r"}`, `{"mode":"live","ruleset":9,"force":"yes","expect":8,"reason":"r"}`,
			`{"mode":"live","ruleset":9,"expect":8,"reason":"r","wait":30001}`, `{"mode":"live","ruleset":9,"expect":8,"reason":"r","wait":-1}`,
			`{"mode":"live","ruleset":9,"expect":8,"reason":""}`, `{"mode":"live","ruleset":9,"expect":8,"reason":"` + long + `"}`,
			`{"mode":"live","ruleset":9,"expect":8,"reason":"r","campaign":"car"}`, `{"Mode":"live","ruleset":9,"expect":8,"reason":"r"}`,
		},
		"undo": {`{}`, `{"expect":0,"reason":"r"}`, `{"reason":"r","rollout":7}`, `{"reason":"r","wait":60000}`},
		"stop": {
			`{}`, `{"level":"mechanics"}`, `{"reason":"r"}`, `{"level":"","reason":"r"}`, `{"level":"everything","reason":"r"}`,
			`{"level":["mechanics"],"reason":"r"}`,
		},
		"approvals": {`{}`, `{"reason":"r"}`, `{"expect":8}`, `{"expect":8,"reason":"r","yes":true}`},
		"rulesets": {
			`{}`, `{"reason":"r"}`, `{"bindings":[]}`, `{"bindings":null,"reason":"r"}`, `{"bindings":{},"reason":"r"}`,
			`{"bindings":[{"mechanic":7}],"reason":"r"}`, `{"bindings":[{"mechanik":"seckill"}],"reason":"r"}`,
			`{"bindings":["seckill"],"reason":"r"}`, `{"bindings":[{"mechanic":"seckill","config":{"price":1.5}}],"reason":"r"}`,
			`{"bindings":[],"stacking":{"a":1},"reason":"r"}`, `{"ruleset":[],"reason":"r"}`,
			`{"bindings":[` + strings.Repeat(`{},`, 256) + `{}],"reason":"r"}`,
		},
	} {
		for _, body := range bodies {
			a := operator.do(http.MethodPost, "/v1/campaigns/phone/"+path, body)
			if a.problem(t, core.CodeInvalid); engine.asked.swap != nil {
				t.Fatalf("%s %s reached the engine", path, body)
			}
		}
		operator.do(http.MethodPost, "/v1/campaigns/phone/"+path, `{"reason":"a","reason":"b"}`).problem(t, CodeMalformed)
		operator.do(http.MethodPost, "/v1/campaigns/phone/"+path, `reason: r`, "Content-Type", yamlType).problem(t, CodeUnsupportedMedia)
		operator.do(http.MethodPost, "/v1/campaigns/phone/"+path, `{"reason":"`+strings.Repeat("a", maxCampaignFile)+`"}`).problem(t, CodeTooLarge)
	}
}

func TestWhatTheEngineRefusesIsAnsweredWithItsCode(t *testing.T) {
	engine, s, c := newScripted(t, false)
	operator := c.withKey(s, "demo-operator")
	for _, code := range []core.Code{core.CodeNotReady, core.CodePreconditionFailed, core.CodeWrongState, core.CodeUnavailable, core.CodeInvalid} {
		engine.refused = core.Errorf(code, "node b is not ready for ruleset 9: it does not compile")
		engine.asked.waited = ""
		v := operator.do(http.MethodPost, "/v1/campaigns/phone/rollout", `{"mode":"live","ruleset":9,"expect":8,"reason":"r","wait":1}`).problem(t, code)
		if v["detail"] != "node b is not ready for ruleset 9: it does not compile" || engine.asked.waited != "" {
			t.Errorf("%v, waited %q", v, engine.asked.waited)
		}
	}
}

func TestTheProblemsOfARulesetHaveThePathsOfItsRequest(t *testing.T) {
	engine, s, c := newScripted(t, false)
	engine.refused = &core.Problems{List: []core.Problem{
		{Path: "ruleset[1].config.sku", Message: "nobody sells mx4", Hint: "did you mean mx3?"}, {Path: "stacking.sale", Message: "no binding is in it"},
	}}
	v := c.withKey(s, "demo-operator").do(http.MethodPost, "/v1/campaigns/phone/rulesets", `{"bindings":[],"reason":"r"}`).problem(t, core.CodeInvalid)
	if got, _ := json.Marshal(v["problems"]); string(got) != `[{"hint":"did you mean mx3?","message":"nobody sells mx4","path":"bindings[1].config.sku"},{"message":"no binding is in it","path":"stacking.sale"}]` {
		t.Errorf("problems %s", got)
	}
}

func TestARulesetIsAddedAndListed(t *testing.T) {
	engine, s, c := newScripted(t, false)
	operator := c.withKey(s, "demo-operator")
	const body = `{"bindings":[{"mechanic":"seckill","config":{"sku":"mi2","price":99900},"group":"sale","on_failure":"skip"},
		{"rule":{"rule":"x","hook":"quote","then":[]}}],"stacking":{"sale":"best"},"reason":"cheaper"}`
	a := operator.do(http.MethodPost, "/v1/campaigns/phone/rulesets", body).wants(t, http.StatusCreated)
	asked, _ := engine.asked.swap.(core.RulesetRequest)
	if asked.Campaign != "phone" || asked.Reason != "cheaper" || asked.Actor.ID != "demo-operator" || asked.Stacking["sale"] != core.StackBest {
		t.Errorf("the engine was asked for %+v", asked)
	}
	if len(asked.Bindings) != 2 || asked.Bindings[0].Config["price"] != int64(99900) || asked.Bindings[0].OnFailure != core.FailSkip ||
		string(asked.Bindings[1].Rule) != `{"rule":"x","hook":"quote","then":[]}` {
		t.Errorf("the bindings are %+v", asked.Bindings)
	}
	v := a.value(t)
	if a.header.Get("Location") != "/v1/campaigns/phone/rulesets/9" || v["id"] != "9" || v["reason"] != "cheaper" {
		t.Errorf("added %s %v", a.body, a.header)
	}
}

func TestAHistoryIsReadPageByPage(t *testing.T) {
	engine, s, c := newScripted(t, false)
	operator := c.withKey(s, "demo-operator")
	get := func(query string) map[string]any {
		return operator.do(http.MethodGet, "/v1/campaigns/phone/rollout"+query, "").wants(t, http.StatusOK).value(t)
	}
	for query, want := range map[string]string{"": "phone 0 21", "?limit=1": "phone 0 2", "?cursor=12&limit=5": "phone 12 6"} {
		v := get(query)
		history, _ := v["history"].(map[string]any)
		rows, _ := history["data"].([]any)
		if engine.asked.list != want {
			t.Errorf("%s asks for %s, want %s", query, engine.asked.list, want)
		}
		if cut := query == "?limit=1"; (history["next"] == "12") != cut || (len(rows) == 1) != cut {
			t.Errorf("%s: %v", query, history)
		}
	}
	for _, query := range []string{"?cursor=0", "?cursor=x", "?cursor=-1", "?limit=0", "?limit=101", "?below=1"} {
		operator.do(http.MethodGet, "/v1/campaigns/phone/rollout"+query, "").problem(t, core.CodeInvalid)
		operator.do(http.MethodGet, "/v1/campaigns/phone/rulesets"+query, "").problem(t, core.CodeInvalid)
	}
}

func TestTheStateOfARolloutNamesEveryNodeAndWhatItIsReadyFor(t *testing.T) {
	_, s, c := newScripted(t, false)
	a := c.withKey(s, "demo-platform").do(http.MethodGet, "/v1/campaigns/phone/rollout", "").wants(t, http.StatusOK)
	for _, want := range []string{
		`{"id":"a","version":"1","started_at":"2012-12-21T04:00:00Z","seen_at":"2012-12-21T04:00:01Z","rollout":8,"revision":12,"epoch":9,` +
			`"followed_at":"2012-12-21T04:00:00.15Z","ready":[7,8],"refused":[{"ruleset":9,"why":"not here"},{"ruleset":10,"why":"no"}],` +
			`"unserved":"ruleset 9 does not compile"}`,
		`{"id":"b","started_at":"2012-12-21T04:00:00Z","seen_at":"2012-12-21T04:00:01Z","rollout":0,"revision":0,"epoch":0,"ready":[],"refused":[]}`,
		`"canary":{"ruleset":8,"percent":5,"since":8},"shadow":{"ruleset":9,"since":7},"stop":"reservations",` +
			`"breakers":[{"ruleset":7,"binding":1,"until":"2012-12-21T04:00:30Z","trips":2,"failure":"out_of_fuel"}],"offering":true,"draining":true,` +
			`"pending":{"mode":"live","ruleset":9,"holds":"drain","at":"2012-12-21T05:00:00Z","drain":true,"approval":"a price moves by 30 %",` +
			`"by":"demo-xiaomi","role":"brand","asked":"2012-12-21T04:00:00Z","reason":"noon"},"forced":true,"undo":7,"action":"canary"`,
		`"idle":[{"ruleset":7,"binding":1,"mechanic":"half","plugin":"sha256:ab","on_failure":"deny","why":"revoked",` +
			`"message":"the plugin is revoked, not approved: costs too much"},` +
			`{"ruleset":8,"binding":0,"mechanic":"flash","on_failure":"last_good","why":"breaker","message":"it kept failing: out of order"}]`,
		`{"id":"11","revision":11,"epoch":9,"at":"2012-12-21T04:00:00.123Z","orders":4711,"state":{"rollout":7,"live":7,"stop":"none","breakers":[],`,
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("it does not say\n%s\nbut\n%s", want, a.body)
		}
	}
}

func TestABrandChangesTheRolloutOfItsOwnCampaignsOnly(t *testing.T) {
	engine, s, c := newScripted(t, false)
	owner, other := c.withKey(s, "demo-xiaomi"), c.withKey(s, "demo-meizu")
	for path, body := range map[string]string{
		"rollout": `{"mode":"live","ruleset":9,"expect":8,"reason":"r"}`, "undo": `{"reason":"r"}`, "stop": `{"level":"none","reason":"r"}`,
		"approvals": `{"expect":8,"reason":"r"}`, "rulesets": `{"bindings":[],"reason":"r"}`,
	} {
		engine.asked.swap = nil
		if other.do(http.MethodPost, "/v1/campaigns/phone/"+path, body).problem(t, core.CodeNotFound); engine.asked.swap != nil {
			t.Errorf("%s reached the engine", path)
		}
		if a := owner.do(http.MethodPost, "/v1/campaigns/phone/"+path, body); a.status >= http.StatusBadRequest || engine.asked.swap == nil {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	for _, path := range []string{"rollout", "rulesets"} {
		other.do(http.MethodGet, "/v1/campaigns/phone/"+path, "").problem(t, core.CodeNotFound)
		owner.do(http.MethodGet, "/v1/campaigns/phone/"+path, "").wants(t, http.StatusOK)
	}
}
