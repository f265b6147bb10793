package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"hotdrop/core"
)

func (e *scripted) ShadowReport(_ context.Context, campaign string, staff core.Principal) (*core.Comparison, error) {
	e.asked.text, e.asked.who = campaign, staff
	return sampleComparison(), e.call()
}

func (e *scripted) CanaryReport(_ context.Context, campaign string, staff core.Principal) (*core.CanaryReport, error) {
	e.asked.text, e.asked.who = campaign, staff
	share := &core.Estimate{Value: 0.5, Low: 0.25, High: 0.75}
	arm := core.CanaryArm{
		Ruleset: 3, Requests: 4, Orders: 2, Paid: 1, Money: 200, Discount: 20, Denied: 1, Errors: 1,
		Refusals: map[core.Code]int64{core.CodeDenied: 1}, Reasons: map[string]int64{"late": 1},
		Conversion: share, PaidShare: share, DenialRate: share, ErrorRate: share, PerOrder: share,
	}
	return &core.CanaryReport{
		Campaign: "phone", Currency: "CNY", Canary: core.Canary{Ruleset: 3, Percent: 5, Since: 7}, Began: 1356062400000, Nodes: 2,
		Live: core.CanaryArm{Ruleset: 2, Refusals: map[core.Code]int64{}, Reasons: map[string]int64{}}, Trial: arm,
		Differ: core.CanaryDifferences{Conversion: share, Decided: []string{"conversion"}},
	}, e.call()
}

func (e *scripted) Backtest(_ context.Context, request core.BacktestRequest) (*core.Comparison, error) {
	e.asked.who = request.Staff
	e.asked.text = fmt.Sprintf("%+v", request)
	return sampleComparison(), e.call()
}

// sampleComparison has everything that a comparison can have.
func sampleComparison() *core.Comparison {
	side := core.ComparedSide{Orders: 2, Denied: 1, Failed: 1, Errors: 1, Money: 200, PerOrder: 100, Discount: 10, FuelP50: 5, FuelP99: 9}
	return &core.Comparison{
		Campaign: "phone", Currency: "CNY", Ruleset: 3, Since: 7, Nodes: 2, From: 1356062400000, Until: 1356062401000,
		Recorded: []core.ComparedRuleset{{Ruleset: 2, Decisions: 4}}, Decisions: 4, Refusals: 1, Dropped: 1, Unread: 1, Cut: true,
		Differing: 3, Both: 2, NewlyDenied: 1, NewlyAllowed: 1, Winners: 1, Losers: 1, Won: 10, Lost: 5, OtherTerms: 1,
		Live: side, Candidate: side, Failure: "no plugin",
		Cases: []core.ComparedCase{{
			Kind: core.CaseNewlyDenied, Order: sampleOrderID, At: 1356062400000, Difference: 100, Facts: json.RawMessage(`{"now":1}`),
			Live:      core.ComparedDecision{Ruleset: 2, Total: 100, Discount: 10, Explanation: sampleExplanation()},
			Candidate: core.ComparedDecision{Ruleset: 3, Code: core.CodeDenied, Reason: "late", Unexplained: "gone"},
		}},
	}
}

func TestAComparisonIsShownWhole(t *testing.T) {
	engine, s, c := newScripted(t, false)
	staff := c.withKey(s, "demo-xiaomi")
	for _, a := range []answer{
		staff.do(http.MethodGet, "/v1/campaigns/phone/rollout/shadow", ""),
		staff.do(http.MethodPost, "/v1/campaigns/phone/backtests", `{"ruleset":3}`),
	} {
		var got map[string]any
		if err := json.Unmarshal([]byte(a.wants(t, http.StatusOK).body), &got); err != nil {
			t.Fatal(err)
		}
		for name, value := range got { // every figure of the sample is there, and none is zero
			if reflect.ValueOf(value).IsZero() {
				t.Errorf("%s is missing", name)
			}
		}
		if len(got) != reflect.TypeFor[Comparison]().NumField() {
			t.Errorf("%d fields are shown: %s", len(got), a.body)
		}
		for _, part := range []string{
			`"kind":"newly_denied"`, `"from":"2012-12-21T04:00:00Z"`, `"explanation":{"campaign":"phone"`, `"unexplained":"gone"`,
			`"candidate":{"ruleset":3,"total":0,"discount":0,"code":"denied","reason":"late"`, `"recorded":[{"ruleset":2,"decisions":4}]`,
		} {
			if !strings.Contains(a.body, part) {
				t.Errorf("%s is not in %s", part, a.body)
			}
		}
	}
	if engine.asked.who.Brand != "xiaomi" {
		t.Errorf("asked by %+v", engine.asked.who)
	}
}

func TestACanarysArmsAreShownWithTheirIntervals(t *testing.T) {
	_, s, c := newScripted(t, false)
	a := c.withKey(s, "demo-operator").do(http.MethodGet, "/v1/campaigns/phone/rollout/canary", "").wants(t, http.StatusOK)
	for _, part := range []string{
		`"ruleset":3,"percent":5,"since":7,"began":"2012-12-21T04:00:00Z","nodes":2`, `"live":{"ruleset":2,"requests":0`,
		`"canary":{"ruleset":3,"requests":4,"orders":2,"paid":1`, `"reasons":{"late":1}`,
		`"conversion":{"value":0.5,"low":0.25,"high":0.75}`, `"decided":["conversion"]`,
	} {
		if !strings.Contains(a.body, part) {
			t.Errorf("%s is not in %s", part, a.body)
		}
	}
}

func TestABacktestIsAskedForAsItsRequestSays(t *testing.T) {
	engine, s, c := newScripted(t, false)
	staff := c.withKey(s, "demo-xiaomi")
	for body, want := range map[string]core.BacktestRequest{
		`{"ruleset":3}`: {Ruleset: 3},
		`{"bindings":[{"mechanic":"seckill","group":"g"}],"stacking":{"g":"best"},"limit":5}`: {
			Bindings: []core.Binding{{Mechanic: "seckill", Group: "g"}}, Stacking: map[string]core.Stacking{"g": core.StackBest}, Limit: 5,
		},
		`{"ruleset":3,"from":"2012-12-21T12:00:00+08:00","until":"2012-12-21T04:00:01Z"}`: {Ruleset: 3, From: 1356062400000, Until: 1356062401000},
	} {
		staff.do(http.MethodPost, "/v1/campaigns/phone/backtests", body).wants(t, http.StatusOK)
		want.Campaign, want.Staff = "phone", engine.asked.who
		if text := fmt.Sprintf("%+v", want); engine.asked.text != text {
			t.Errorf("%s asked for %s, want %s", body, engine.asked.text, text)
		}
	}
	engine.asked = questions{}
	for _, body := range []string{`{"ruleset":0}`, `{"limit":0,"ruleset":1}`, `{"ruleset":1,"from":"noon"}`, `{"rulesets":1}`} {
		staff.do(http.MethodPost, "/v1/campaigns/phone/backtests", body).problem(t, core.CodeInvalid)
	}
	if engine.asked.calls != 0 {
		t.Error("the engine was asked")
	}
}

func TestTheProblemsOfABacktestsBindingsHaveTheirPlaceInTheRequest(t *testing.T) {
	engine, s, c := newScripted(t, false)
	engine.err = &core.Problems{List: []core.Problem{{Path: "ruleset[1].rule.when", Message: "unknown fact"}}}
	a := c.withKey(s, "demo-xiaomi").do(http.MethodPost, "/v1/campaigns/phone/backtests", `{"bindings":[{"mechanic":"seckill"}]}`)
	if a.problem(t, core.CodeInvalid); !strings.Contains(a.body, `"path":"bindings[1].rule.when"`) {
		t.Error(a.body)
	}
	engine.err = core.Errorf(core.CodeOverloaded, "busy")
	c.withKey(s, "demo-xiaomi").do(http.MethodPost, "/v1/campaigns/phone/backtests", `{"ruleset":1}`).problem(t, core.CodeOverloaded)
}
