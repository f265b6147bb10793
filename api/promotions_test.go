package api

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

func TestALinkIsMadeOnceAndSaysWhatCameOfIt(t *testing.T) {
	engine, s, c := newScripted(t, false)
	shopper := c.as(s, alice)
	made := shopper.do(http.MethodPost, "/v1/campaigns/phone/shares", "").wants(t, http.StatusCreated)
	engine.replayed = true
	again := shopper.do(http.MethodPost, "/v1/campaigns/phone/shares", "").wants(t, http.StatusOK)
	want := `{"id":"` + sampleCode + `","code":"` + sampleCode + `","campaign":"phone","url":"/v1/shares/` + sampleCode +
		`/visits","reposts":3,"visitors":2,"reservations":1}` + "\n"
	if made.body != want || again.body != want {
		t.Errorf("made %s again %s", made.body, again.body)
	}
	url, _ := made.value(t)["url"].(string)
	engine.replayed = false
	for _, counted := range []string{"true", "false"} {
		if a := shopper.do(http.MethodPost, url, "").wants(t, http.StatusOK); a.body != `{"counted":`+counted+"}\n" {
			t.Errorf("visit %s", a.body)
		}
		engine.replayed = true
	}
	samePrincipal(t, engine.asked.who, alice)
	if engine.asked.text != sampleCode {
		t.Errorf("visited %s", engine.asked.text)
	}
}

// What is written into a path that nothing can have is like what nothing has.
func TestNamesThatNothingCanHaveAreNotFound(t *testing.T) {
	engine, s, c := newScripted(t, false)
	shopper, operator := c.as(s, alice), c.withKey(s, "demo-operator")
	for path, caller := range map[string]*client{
		"POST /v1/shares/phone.short/visits": shopper, "POST /v1/campaigns/NO/shares": shopper, "GET /v1/groups/phone": shopper,
		"GET /v1/campaigns/phone/draws/a%2Fb": shopper, "GET /v1/campaigns/phone/draws/a.b/export": shopper,
		"GET /v1/orders/phone/explain": operator, "POST /v1/orders/phone.x/deliveries": operator, "GET /v1/campaigns/N/orders": operator,
	} {
		method, path, _ := strings.Cut(path, " ")
		caller.do(method, path, "").problem(t, core.CodeNotFound)
	}
	if engine.asked.calls != 0 {
		t.Error("the engine was asked")
	}
}

func TestListsPassTheirCursorAndTheirLimitOn(t *testing.T) {
	engine, s, c := newScripted(t, false)
	shopper, operator := c.as(s, alice), c.withKey(s, "demo-operator")
	cases := []struct {
		caller       *client
		path, listed string
	}{
		{shopper, "/v1/vouchers", "alice  20"}, {shopper, "/v1/vouchers?cursor=x&limit=7", "alice x 7"},
		{shopper, "/v1/inbox", "alice  20"}, {shopper, "/v1/inbox?limit=100&cursor=y", "alice y 100"},
		{operator, "/v1/campaigns/phone/orders", "phone   20"},
		{operator, "/v1/campaigns/phone/orders?state=paid&cursor=z&limit=1", "phone paid z 1"},
		{operator, "/v1/campaigns/phone/shoppers", "phone   20"},
		{operator, "/v1/campaigns/phone/shoppers?tag=city%3DWuhan&cursor=z&limit=1", "phone city=Wuhan z 1"},
	}
	for _, one := range cases {
		one.caller.do(http.MethodGet, one.path, "").wants(t, http.StatusOK)
		if engine.asked.list != one.listed {
			t.Errorf("%s asked for %q", one.path, engine.asked.list)
		}
		bare, _, _ := strings.Cut(one.path, "?")
		for _, query := range []string{"limit=0", "limit=101", "limit=x", "page=1", "cursor=" + strings.Repeat("a", 257), "state=lost"} {
			one.caller.do(http.MethodGet, bare+"?"+query, "").problem(t, core.CodeInvalid)
		}
	}
}

func TestAMessageIsAnsweredWithWhatTheCampaignSays(t *testing.T) {
	engine, s, c := newScripted(t, false)
	shopper := c.as(s, alice)
	v := shopper.do(http.MethodPost, "/v1/inbox", `{"campaign":"phone","text":"在吗?"}`).wants(t, http.StatusCreated).value(t)
	replies, _ := v["replies"].([]any)
	message, _ := v["message"].(map[string]any)
	if len(replies) != 1 || message["state"] != "sent" || engine.asked.text != "phone: 在吗?" {
		t.Errorf("got %v, asked %+v", v, engine.asked)
	}
	for _, body := range []string{
		`{"campaign":"phone","text":""}`, `{"campaign":"phone"}`, `{"text":"x"}`, `{"campaign":"A b","text":"x"}`,
		`{"campaign":"phone","text":"` + strings.Repeat("折", 1001) + `"}`, `{"campaign":"phone","text":"x","to":"bob"}`,
	} {
		shopper.do(http.MethodPost, "/v1/inbox", body).problem(t, core.CodeInvalid)
	}
	shopper.do(http.MethodPost, "/v1/inbox", `{"campaign":"phone","text":"`+strings.Repeat("折", 1000)+`"}`).wants(t, http.StatusCreated)
}

func TestWhatStaffDoWithAnOrderReachesTheDeskWhole(t *testing.T) {
	engine, s, c := newScripted(t, false)
	brand := c.withKey(s, "demo-xiaomi")
	engine.order = sampleOrder()
	engine.order.Revision = 9
	actor := core.Principal{ID: "demo-xiaomi", Role: core.RoleBrand, Brand: "xiaomi", Credential: "demo-xiaomi", Address: "127.0.0.1"}
	cases := []struct {
		path, body, what string
		want             core.StaffAction
	}{
		{"conditions/trade_in", `{"state":"received","reason":"here"}`, "condition", core.StaffAction{Kind: "trade_in", State: "received", Reason: "here"}},
		{"dues/balance/confirmations", `{"reference":"R-1","reason":"paid"}`, "due", core.StaffAction{Kind: "balance", Reference: "R-1", Reason: "paid"}},
		{"shipments", `{"carrier":"SF","tracking":"1"}`, "ship", core.StaffAction{Carrier: "SF", Tracking: "1"}},
		{"shipments", `{"carrier":"SF","tracking":"1","reason":"late"}`, "ship", core.StaffAction{Carrier: "SF", Tracking: "1", Reason: "late"}},
		{"deliveries", ``, "deliver", core.StaffAction{}},
		{"refunds", `{"reason":"cracked"}`, "refund", core.StaffAction{Reason: "cracked"}},
	}
	for _, one := range cases {
		a := brand.do(http.MethodPost, "/v1/orders/"+sampleOrderID+"/"+one.path, one.body, "If-Match", `"7"`).wants(t, http.StatusOK)
		v := a.value(t)
		one.want.Order, one.want.Actor, one.want.IfMatch = sampleOrderID, actor, 7
		if a.header.Get("ETag") != `"9"` {
			t.Errorf("%s: ETag %s", one.path, a.header.Get("ETag"))
		}
		if !reflect.DeepEqual(engine.asked.staff, one.want) || engine.asked.text != one.what || v["id"] != sampleOrderID {
			t.Errorf("%s asked %s with %+v", one.path, engine.asked.text, engine.asked.staff)
		}
	}
}

func TestWhatStaffMustSayIsRequired(t *testing.T) {
	engine, s, c := newScripted(t, false)
	brand := c.withKey(s, "demo-xiaomi")
	for _, one := range [][2]string{
		{"conditions/trade_in", `{"state":"received"}`}, {"conditions/trade_in", `{"state":"met","reason":"x"}`},
		{"conditions/trade_in", `{"state":"open","reason":"x"}`}, {"conditions/a%20b", `{"state":"waived","reason":"x"}`},
		{"dues/full/confirmations", `{"reference":"R","reason":"x"}`}, {"dues/balance/confirmations", `{"reference":"","reason":"x"}`},
		{"dues/balance/confirmations", `{"reference":"a b","reason":"x"}`}, {"shipments", `{"carrier":"SF"}`},
		{"shipments", `{"carrier":"","tracking":"1"}`}, {"refunds", `{}`}, {"refunds", `{"reason":""}`},
		{"refunds", `{"reason":"x","amount":1}`}, {"refunds", `{"reason":"` + strings.Repeat("x", 501) + `"}`},
	} {
		brand.do(http.MethodPost, "/v1/orders/"+sampleOrderID+"/"+one[0], one[1]).problem(t, core.CodeInvalid)
	}
	brand.do(http.MethodPost, "/v1/orders/"+sampleOrderID+"/deliveries", `{"reason":"x"}`).problem(t, CodeMalformed)
	brand.do(http.MethodPost, "/v1/orders/"+sampleOrderID+"/deliveries", "", "If-Match", `W/"7"`).problem(t, core.CodePreconditionFailed)
	if engine.asked.calls != 0 {
		t.Error("the engine was asked")
	}
}

func TestAnOrderNamesItsShopperToStaffOnly(t *testing.T) {
	engine, s, c := newScripted(t, false)
	path := "/v1/orders/" + sampleOrderID
	engine.order = promotedOrder()
	if v := c.as(s, alice).do(http.MethodGet, path, "").wants(t, http.StatusOK).value(t); v["shopper"] != nil {
		t.Errorf("the shopper reads %v", v["shopper"])
	}
	v := c.withKey(s, "demo-xiaomi").do(http.MethodGet, path, "").wants(t, http.StatusOK).value(t)
	if v["shopper"] != "alice" || v["voucher"] != sampleCode || v["group"] != "phone.g" {
		t.Errorf("staff read %v", v)
	}
	shipment, _ := v["shipment"].(map[string]any)
	if shipment["carrier"] != "SF <Express>" || shipment["delivered_at"] != nil {
		t.Errorf("shipment %v", shipment)
	}
	if engine.asked.who.Brand != "xiaomi" {
		t.Errorf("asked as %+v", engine.asked.who)
	}
}

func TestAQuoteForAGroupShowsItsTerms(t *testing.T) {
	engine, s, c := newScripted(t, false)
	engine.group = &core.QuotedGroup{Size: 3, Joined: 1, ClosesAt: 1356062400000}
	const body = `{"sku":"mi2","quantity":1}`
	v := c.as(s, alice).do(http.MethodPost, "/v1/campaigns/phone/quotes", body).wants(t, http.StatusOK).value(t)
	terms, _ := v["group"].(map[string]any)
	if jsonText(t, terms["size"]) != "3" || jsonText(t, terms["joined"]) != "1" || terms["closes_at"] != "2012-12-21T04:00:00Z" {
		t.Errorf("terms %v", terms)
	}
	engine.group = nil
	v = c.as(s, alice).do(http.MethodPost, "/v1/campaigns/phone/quotes", body).wants(t, http.StatusOK).value(t)
	if _, there := v["group"]; there {
		t.Errorf("quote %v", v)
	}
}

func TestAVoucherThatDoesNotExpireHasNoTimeOfIt(t *testing.T) {
	_, s, c := newScripted(t, false)
	v := c.as(s, alice).do(http.MethodGet, "/v1/vouchers", "").wants(t, http.StatusOK).value(t)
	rows, _ := v["data"].([]any)
	forever, _ := rows[0].(map[string]any)
	redeemed, _ := rows[1].(map[string]any)
	if _, there := forever["expires_at"]; there || redeemed["expires_at"] != "2012-12-21T04:01:40Z" || redeemed["order"] != sampleOrderID {
		t.Errorf("vouchers %v", rows)
	}
}

func TestADrawShowsItsWinnersAsIdsOfEntries(t *testing.T) {
	engine, s, c := newScripted(t, false)
	shopper := c.as(s, alice)
	const winner = "0123456789abcdef0123456789abcdef"
	draw := shopper.do(http.MethodGet, "/v1/campaigns/phone/draws/reposters", "").wants(t, http.StatusOK)
	if !strings.Contains(draw.body, `"winners":["`+winner+`"]`) || engine.asked.text != "phone/reposters" {
		t.Errorf("draw %s", draw.body)
	}
	export := shopper.do(http.MethodGet, "/v1/campaigns/phone/draws/reposters/export", "").wants(t, http.StatusOK)
	if !strings.Contains(export.body, `"winners":["`+winner+`"],"entries":[{"id":"`+winner+`","weight":2}]`) {
		t.Errorf("export %s", export.body)
	}
	entry := shopper.do(http.MethodGet, "/v1/campaigns/phone/draws/reposters/entry", "").wants(t, http.StatusOK)
	if want := `{"draw":"reposters","weight":2,"at":"2012-12-21T04:00:00Z","id":"` + winner + `","place":1}` + "\n"; entry.body != want {
		t.Errorf("entry %s", entry.body)
	}
	samePrincipal(t, engine.asked.who, alice)
}

func TestACampaignPublishesTheHashesOfItsDrawsAndAsksForThemOnce(t *testing.T) {
	engine, s, c := newScripted(t, false)
	engine.draws = map[string]core.DrawTerms{"b": {Winners: 1}, "a": {Winners: 2, Title: core.Text{EN: "A"}}}
	shopper := c.as(s, alice)
	v := shopper.do(http.MethodGet, "/v1/campaigns/phone", "").wants(t, http.StatusOK).value(t)
	draws, _ := v["draws"].([]any)
	first, _ := draws[0].(map[string]any)
	if len(draws) != 2 || first["id"] != "a" || first["seed_hash"] != "ab" || jsonText(t, first["places"]) != "2" {
		t.Errorf("draws %v", draws)
	}
	engine.asked.calls = 0
	shopper.do(http.MethodGet, "/v1/campaigns", "").wants(t, http.StatusOK)
	if engine.asked.calls != 1 {
		t.Errorf("the engine was asked %d times", engine.asked.calls)
	}
}

func TestACampaignSaysWhatBecomesOfGroupsAndBalances(t *testing.T) {
	view := sampleCampaign()
	got := campaignView(view, false)
	if got.Groups.OfferSeconds != 86400 || got.Deposits != (Deposits{BalanceAt: core.BalanceOnline, Unpaid: core.UnpaidRefund}) {
		t.Errorf("by default %+v %+v", got.Groups, got.Deposits)
	}
	view.Record.Definition.Groups.Offer = core.Duration(time.Hour)
	view.Record.Definition.Deposits = core.DepositTerms{BalanceUntil: view.Now, BalanceAt: core.BalanceDealer, Unpaid: core.UnpaidForfeit}
	got = campaignView(view, false)
	if got.Groups.OfferSeconds != 3600 || got.Deposits.BalanceAt != core.BalanceDealer || !got.Deposits.BalanceUntil.Equal(view.Now) {
		t.Errorf("as the file says %+v %+v", got.Groups, got.Deposits)
	}
}

func TestACampaignSaysWhatIsLeftAfterItsTeaser(t *testing.T) {
	view := sampleCampaign()
	view.Record.Definition.Quotas = map[string]int64{"trade-ins": 500, "early": 5}
	view.Record.Definition.VoucherPools = map[string]core.VoucherPool{"b": {Count: 3, Value: 100, Expires: view.Now}, "a": {Count: 9}}
	view.Quotas, view.Pools = map[string]int64{"trade-ins": 312, "early": 0}, map[string]int64{"b": 1, "a": 9}
	quotas := []Quota{{"early", 5, 0}, {"trade-ins", 500, 312}}
	pools := []VoucherPool{{"a", 0, 9, 9, nil}, {"b", 100, 3, 1, &view.Now}}
	for _, one := range []struct {
		phase      core.Phase
		staff, all bool
	}{{core.PhaseSale, false, true}, {core.PhaseReservation, false, true}, {core.PhaseTeaser, false, false}, {core.PhaseTeaser, true, true}} {
		view.Phase = one.phase
		got := campaignView(view, one.staff)
		switch {
		case one.all && (!reflect.DeepEqual(got.Quotas, quotas) || !reflect.DeepEqual(got.Pools, pools)):
			t.Errorf("%s: %+v %+v", one.phase, got.Quotas, got.Pools)
		case !one.all && (got.Quotas == nil || len(got.Quotas) > 0 || got.Pools == nil || len(got.Pools) > 0):
			t.Errorf("%s shows %+v %+v", one.phase, got.Quotas, got.Pools)
		}
	}
}

func TestAnExplanationIsAskedForWithTheFactsOfAShopperWhoNeedNotExist(t *testing.T) {
	engine, s, c := newScripted(t, false)
	const body = `{"sku":"mi2","quantity":2,"voucher":"v.1","group":"g","input":{"a":"x"},"expect_total":5,
		"shopper":{"id":"alice","tier":"gold","tags":["fan","beta"],"region":"CN-GD","registered_at":"2011-03-13T07:06:40Z"}}`
	platform := c.withKey(s, "demo-platform")
	platform.do(http.MethodPost, "/v1/campaigns/phone/explanations", body).wants(t, http.StatusOK)
	total := int64(5)
	want := core.OrderRequest{
		Campaign: "phone", SKU: "mi2", Quantity: 2, Voucher: "v.1", Group: "g", Input: core.Object{"a": "x"}, Shopper: alice,
		ExpectTotal: &total,
	}
	if !reflect.DeepEqual(engine.asked.request, want) || engine.asked.who.Role != core.RolePlatform {
		t.Errorf("asked %+v", engine.asked)
	}
	for _, body := range []string{
		`{"sku":"mi2","quantity":1}`, `{"sku":"mi2","quantity":1,"shopper":{}}`, `{"sku":"mi2","quantity":1,"shopper":{"id":"a","role":"admin"}}`,
		`{"sku":"mi2","quantity":0,"shopper":{"id":"a"}}`, `{"sku":"mi2","quantity":1,"shopper":{"id":"a","registered_at":"yesterday"}}`,
	} {
		platform.do(http.MethodPost, "/v1/campaigns/phone/explanations", body).problem(t, core.CodeInvalid)
	}
}

func TestAnExplanationShowsValuesAndEffectsAsTheyAre(t *testing.T) {
	_, s, c := newScripted(t, false)
	a := c.withKey(s, "demo-xiaomi").do(http.MethodGet, "/v1/orders/"+sampleOrderID+"/explain", "").wants(t, http.StatusOK)
	for _, part := range []string{
		`"values":{"input.brand":"Xiaomi","shopper.tags":["a"],"voucher.code":null}`, `"facts":{"quantity":1}`, `"lost_to":0`,
		`"effects":[{"discount":{"amount":50000,"label":"Trade-in"}}]`, `"at":"2012-12-21T04:00:00Z"`, `"limit":100`,
		`"refusal":{"check":"mechanic","code":"denied","binding":0,"cause":"because"}`, `"text":{"en":"No","zh":"不"}`,
	} {
		if !strings.Contains(a.body, part) {
			t.Errorf("%s is not in %s", part, a.body)
		}
	}
}
