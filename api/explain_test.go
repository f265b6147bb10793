package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"hotdrop/core"
)

const explanationsPath = "/v1/campaigns/phone/explanations"

func TestEveryHookIsAskedAboutWithItsOwnFields(t *testing.T) {
	engine, s, c := newScripted(t, false)
	staff := c.withKey(s, "demo-xiaomi")
	gold := core.Principal{ID: "ann", Role: core.RoleShopper, Tier: "gold"}
	for body, want := range map[string]core.HookRequest{
		`{"hook":"reserve","shopper":{"id":"ann","tier":"gold"}}`: {Hook: core.HookReserve, Shopper: gold},
		`{"hook":"share","shopper":{"id":"ann","tier":"gold"},"shares":{"counted":"visitor","reposts":1,"visitors":2,"reservations":3}}`: {
			Hook: core.HookShare, Shopper: gold, Shares: core.SharesFacts{Counted: "visitor", Reposts: 1, Visitors: 2, Reservations: 3},
		},
		`{"hook":"message","shopper":{"id":"ann","tier":"gold"},"text":"where?","order":"` + sampleOrderID + `"}`: {
			Hook: core.HookMessage, Shopper: gold, Message: "where?", Order: sampleOrderID,
		},
	} {
		want.Campaign = "phone"
		engine.asked = questions{}
		a := staff.do(http.MethodPost, explanationsPath, body).wants(t, http.StatusOK)
		if !reflect.DeepEqual(engine.asked.hook, want) || engine.asked.calls != 1 || engine.asked.who.Brand != "xiaomi" {
			t.Errorf("%s asked %+v", body, engine.asked)
		}
		if !strings.Contains(a.body, `"hook":"`+string(want.Hook)+`"`) {
			t.Errorf("answered %s", a.body)
		}
	}
	engine.asked = questions{}
	staff.do(http.MethodPost, explanationsPath, `{"hook":"quote","sku":"mi2","quantity":1,"shopper":{"id":"ann"}}`).wants(t, http.StatusOK)
	if engine.asked.request.SKU != "mi2" {
		t.Errorf("asked %+v", engine.asked)
	}
}

func TestAFieldOfAnotherHookIsRefusedWithItsPlace(t *testing.T) {
	engine, s, c := newScripted(t, false)
	staff := c.withKey(s, "demo-xiaomi")
	for body, wrong := range map[string]string{
		`{}`:                             "body.sku: is required at the hook quote, body.quantity: is required at the hook quote",
		`{"sku":"mi2"}`:                  "body.quantity: is required at the hook quote",
		`{"hook":"share"}`:               "body.shares: is required at the hook share",
		`{"hook":"message","text":""}`:   "body.text: is required at the hook message",
		`{"hook":"reserve","sku":"mi2"}`: "body.sku: means nothing at the hook reserve",
		`{"hook":"reserve","input":{}}`:  "body.input: means nothing at the hook reserve",
		`{"hook":"message","text":"hi","shares":{"counted":"repost"},"expect_total":1}`: "body.expect_total: means nothing at the hook message, body.shares: means nothing at the hook message",
		`{"sku":"mi2","quantity":1,"text":"hi"}`:                                        "body.text: means nothing at the hook quote",
		`{"hook":"paid"}`:                                                               "body.hook: ",
	} {
		body = strings.Replace(body, "{", `{"shopper":{"id":"ann"},`, 1)
		body = strings.Replace(body, ",}", "}", 1)
		p := problemIn(t, staff.do(http.MethodPost, explanationsPath, body))
		for one := range strings.SplitSeq(wrong, ", ") {
			if !strings.Contains(violations(&p), one) {
				t.Errorf("%s: %s, want %s", body, violations(&p), one)
			}
		}
	}
	if engine.asked.calls != 0 {
		t.Error("the engine was asked")
	}
}

func TestASignupIsExplainedByItsShoppersID(t *testing.T) {
	engine, s, c := newScripted(t, false)
	staff := c.withKey(s, "demo-xiaomi")
	for path, want := range map[string]string{"ann": "phone ann", "weibo%2Fann@x": "phone weibo/ann@x"} {
		staff.do(http.MethodGet, "/v1/campaigns/phone/reservations/"+path+"/explain", "").wants(t, http.StatusOK)
		if engine.asked.text != want {
			t.Errorf("%s asked for %q", path, engine.asked.text)
		}
	}
	engine.asked = questions{}
	for _, path := range []string{"a%20b", strings.Repeat("a", 129), "%E5%90%8D"} {
		staff.do(http.MethodGet, "/v1/campaigns/phone/reservations/"+path+"/explain", "").problem(t, core.CodeNotFound)
	}
	if engine.asked.calls != 0 {
		t.Error("the engine was asked")
	}
}

func TestAnExplanationSaysWhatWaitsAfterAPaymentAndWhy(t *testing.T) {
	_, s, c := newScripted(t, false)
	a := c.withKey(s, "demo-xiaomi").do(http.MethodGet, "/v1/orders/"+sampleOrderID+"/explain", "").wants(t, http.StatusOK)
	for _, part := range []string{
		`"paid":{"state":"open","at":"2012-12-21T04:01:00Z","facts":{"now":1},"bindings":[{"mechanic":"thanks"`, `"tries":2`,
		`"failure":"mechanic_failed: x"`, `"refusal":{"check":"mechanic","code":"mechanic_failed","binding":0,"cause":"x"}`,
	} {
		if !strings.Contains(a.body, part) {
			t.Errorf("%s is not in %s", part, a.body)
		}
	}
}

// problemIn decodes the problem of a request that is invalid.
func problemIn(t *testing.T, a answer) Problem {
	t.Helper()
	a.problem(t, core.CodeInvalid)
	var p Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// violations lists the places and messages of a problem's errors.
func violations(p *Problem) string {
	var all []string
	for _, v := range p.Errors {
		all = append(all, v.Location+": "+v.Message)
	}
	return strings.Join(all, ", ")
}

const hooksFile = salePhases + `
items: [{sku: code, title: Code, price: 5000, stock: 9, hold: 15m, phases: {sale: 2012-12-19T10:00:00+08:00, closed: 2012-12-22T12:00:00+08:00}}]
quotas: {codes: 5, early: 1}
voucher_pools: {flyme: {count: 5, value: 5000}}
draws: {lots: {closes: 2012-12-22T12:00:00+08:00, winners: 1, title: Lots}}
ruleset:
  - {mechanic: one-cent-voucher, config: {sku: code, quota: codes, pool: flyme}}
  - {mechanic: repost-lottery, config: {draw: lots}}
  - {mechanic: auto-reply}
  - rule:
      rule: early
      hook: reserve
      when: shopper.tier == "gold" && quota.early > 0
      then: [{take: {quota: early, units: 1}}, {tag: {key: early, value: "1"}}]
`

func TestStaffReadWhatRulesDecideAtEveryHook(t *testing.T) {
	s := newSale(t, hooksFile)
	shiftTo(t, s.operator, core.PhaseReservation)
	owner, stranger := s.client.withKey(s.server, "demo-xiaomi"), s.client.withKey(s.server, "demo-meizu")
	read := func(a answer) (why Explanation) {
		t.Helper()
		if err := json.Unmarshal([]byte(a.wants(t, http.StatusOK).body), &why); err != nil {
			t.Fatal(err)
		}
		return why
	}
	ask := func(body string) Explanation { return read(owner.do(http.MethodPost, explanationsPath, body)) }
	why := ask(`{"hook":"reserve","shopper":{"id":"ann","tier":"gold"}}`)
	if b := why.Bindings[3]; why.Refusal != nil || b.Outcome != "applied" || len(b.Clauses) != 2 || string(b.Effects[0]) != `{"take":{"quota":"early","units":1}}` {
		t.Errorf("reserve %+v", why)
	}
	why = ask(`{"hook":"share","shopper":{"id":"ann"},"shares":{"counted":"repost","reposts":11}}`)
	if b := why.Bindings[1]; b.Outcome != "no_match" || !strings.Contains(b.Clause, "config.max_entries") {
		t.Errorf("share %+v", b)
	}
	why = ask(`{"hook":"message","shopper":{"id":"ann"},"text":"where is my order?"}`)
	if b := why.Bindings[2]; b.Outcome != "applied" || !strings.Contains(string(b.Effects[0]), "reply") {
		t.Errorf("message %+v", b)
	}
	gold := s.client.as(s.server, core.Principal{ID: "ann", Role: core.RoleShopper, Tier: "gold"})
	gold.do(http.MethodPost, "/v1/campaigns/phone/reservations", "").wants(t, http.StatusCreated)
	const signup = "/v1/campaigns/phone/reservations/ann/explain"
	why = read(owner.do(http.MethodGet, signup, ""))
	if b := why.Bindings[3]; !why.Reproduced || why.Hook != core.HookReserve || b.Outcome != "applied" || len(b.Effects) != 2 {
		t.Errorf("signed up %+v", why)
	}
	stranger.do(http.MethodGet, signup, "").problem(t, core.CodeNotFound)
	stranger.do(http.MethodPost, explanationsPath, `{"hook":"reserve","shopper":{"id":"ann"}}`).problem(t, core.CodeNotFound)
	owner.do(http.MethodGet, "/v1/campaigns/phone/reservations/bob/explain", "").problem(t, core.CodeNotFound)
	if why = ask(`{"hook":"reserve","shopper":{"id":"bob","tier":"gold"}}`); why.Bindings[3].Outcome != "no_match" {
		t.Errorf("without a quota %+v", why)
	}

	bob := s.shopper("bob")
	o := s.pay(bob, s.place(bob, `{"sku":"code","quantity":1}`))
	a := s.eventually(owner, "/v1/orders/"+o.ID+"/explain", `"state":"done"`)
	if why = read(a); why.Paid == nil || len(why.Paid.Bindings) != 4 || string(why.Paid.Bindings[0].Effects[0]) != `{"grant":{"count":1,"pool":"flyme"}}` {
		t.Errorf("paid %+v", why.Paid)
	}
	if held := why.Paid.Bindings[0].Clauses; len(held) != 3 || !held[0].Held || held[0].Values["order.sku"] != "code" {
		t.Errorf("because %+v", held)
	}
}

func TestAFileWhoseMechanicsNameWhatItLacksIsRefusedWithThePlaces(t *testing.T) {
	s := newSale(t, hooksFile)
	file := strings.NewReplacer("pool: flyme}", "pool: flime}", "draws: {lots:", "draws: {others:", "take: {quota: early,", "take: {quota: erly,").
		Replace(hooksFile)
	p := problemIn(t, s.operator.apply("phone", file))
	var got []string
	for _, one := range p.Problems {
		if one.Line == 0 || one.Snippet == "" {
			t.Errorf("%s has no place", one.Path)
		}
		got = append(got, one.Path+" ("+one.Hint+")")
	}
	want := "ruleset[0].config.pool (did you mean flyme?)\nruleset[1].config.draw (declare it under draws)\nruleset[3].rule.then[0].take.quota (did you mean early?)"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	s.operator.apply("phone", strings.Replace(hooksFile, "mechanic: auto-reply", "mechanic: trade-in", 1)).problem(t, core.CodeInvalid)
}
