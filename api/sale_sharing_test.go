package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

const voucherFile = salePhases + `
items:
  - {sku: cent, title: One cent, price: 100, stock: 9, hold: 15m, phases: {sale: 2012-12-19T10:00:00+08:00, closed: 2012-12-22T12:00:00+08:00}}
  - {sku: mi2, title: Mi 2, price: 199900, stock: 9, hold: 15m}
quotas: {cents: 3}
voucher_pools: {flyme: {value: 5000, count: 3, expires: 2012-12-22T12:00:00+08:00}}
ruleset: [{mechanic: one-cent-voucher, config: {sku: cent, quota: cents, pool: flyme}}]
`

func TestAOneCentVoucherIsBoughtGrantedAndRedeemedOnce(t *testing.T) {
	s := newSale(t, voucherFile)
	shiftTo(t, s.operator, core.PhaseReservation)
	alice, bob := s.shopper("alice"), s.shopper("bob")
	if o := s.place(alice, `{"sku":"cent","quantity":1}`); o.Total != 1 || s.pay(alice, o).State != core.OrderPaid {
		t.Fatalf("order %+v", o)
	}
	s.eventually(alice, "/v1/vouchers", "granted")
	vouchers := s.list(alice, "/v1/vouchers")
	if len(vouchers) != 1 || vouchers[0]["state"] != "granted" || jsonText(t, vouchers[0]["value"]) != "5000" {
		t.Fatalf("vouchers %v", vouchers)
	}
	if others := s.list(bob, "/v1/vouchers"); len(others) != 0 {
		t.Errorf("bob sees %v", others)
	}
	shiftTo(t, s.operator, core.PhaseSale)
	code, _ := vouchers[0]["code"].(string)
	body := `{"sku":"mi2","quantity":1,"voucher":"` + code + `"}`
	o := s.place(alice, body)
	if o.Total != 194900 || o.Voucher != code {
		t.Errorf("order %+v", o)
	}
	bob.order(body, s.key()).problem(t, core.CodeVoucherUsed)
	if held := s.list(alice, "/v1/vouchers"); held[0]["state"] != "held" || held[0]["order"] != o.ID {
		t.Errorf("vouchers %v", held)
	}
	s.pay(alice, o)
	if redeemed := s.list(alice, "/v1/vouchers"); redeemed[0]["state"] != "redeemed" {
		t.Errorf("vouchers %v", redeemed)
	}
}

func TestWhoGuessesCodesIsLockedOutAndToldForHowLong(t *testing.T) {
	s := newSale(t, voucherFile)
	shiftTo(t, s.operator, core.PhaseSale)
	mallory := s.shopper("mallory")
	guess := func(n int) answer {
		code := fmt.Sprintf("phone.0123456789abcdefghjkmn%04d", n)
		return mallory.order(`{"sku":"mi2","quantity":1,"voucher":"`+code+`"}`, s.key())
	}
	for n := range 5 {
		guess(n).problem(t, core.CodeVoucherInvalid)
	}
	locked := guess(5)
	locked.problem(t, core.CodeLockedOut)
	if locked.status != http.StatusTooManyRequests || locked.header.Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", locked.status, locked.header.Get("Retry-After"))
	}
	mallory.order(`{"sku":"mi2","quantity":1}`, s.key()).wants(t, http.StatusCreated)
}

const sharingFile = salePhases + `
items: [{sku: mi2, title: Mi 2, price: 199900, stock: 9, hold: 15m}]
draws: {reposters: {closes: 2012-12-21T12:00:00+08:00, winners: 1, title: {en: Reposters, zh: 转发抽奖}}}
ruleset:
  - {mechanic: repost-lottery, config: {draw: reposters, weight: 2}}
  - {mechanic: auto-reply, config: {questions: [opening], answers: ["At noon."]}}
`

// social reports events, signed.
func (s *sale) social(events ...SocialEvent) []SocialResult {
	s.t.Helper()
	body, err := json.Marshal(SocialEvents{Events: events})
	if err != nil {
		s.t.Fatal(err)
	}
	a := newSigned(s.t, s.server.keys, time.Now(), string(body)).send(s.t, s.server).wants(s.t, http.StatusOK)
	var results SocialResults
	if err := json.Unmarshal([]byte(a.body), &results); err != nil {
		s.t.Fatal(err)
	}
	return results.Results
}

func TestALinkCountsOthersOnceAndItsOwnerNever(t *testing.T) {
	s := newSale(t, sharingFile)
	shiftTo(t, s.operator, core.PhaseReservation)
	alice, bob := s.shopper("alice"), s.shopper("bob")
	made := alice.do(http.MethodPost, "/v1/campaigns/phone/shares", "").wants(t, http.StatusCreated).value(t)
	url, _ := made["url"].(string)
	code, _ := made["code"].(string)
	alice.do(http.MethodPost, url, "").problem(t, core.CodeOwnLink)
	for _, counted := range []string{"true", "false"} {
		if a := bob.do(http.MethodPost, url, "").wants(t, http.StatusOK); a.body != `{"counted":`+counted+"}\n" {
			t.Errorf("visit %s", a.body)
		}
	}
	bob.do(http.MethodPost, "/v1/shares/phone.0123456789abcdefghjkmnpqrs/visits", "").problem(t, core.CodeNotFound)
	bob.do(http.MethodPost, "/v1/campaigns/phone/reservations", `{"share":"`+code+`"}`).wants(t, http.StatusCreated)
	alice.do(http.MethodPost, "/v1/campaigns/phone/reservations", `{"share":"`+code+`"}`).wants(t, http.StatusCreated)
	repost := SocialEvent{ID: "e1", Kind: core.SocialRepost, Share: code, By: "u1"}
	twice, nobody := repost, repost
	twice.ID, nobody.ID, nobody.Share = "e2", "e3", "phone.0123456789abcdefghjkmnpqrs"
	var got []string
	for _, r := range append(s.social(repost, twice, nobody), s.social(repost)...) {
		got = append(got, r.ID+" "+r.Result)
	}
	if want := []string{"e1 counted", "e2 repeated", "e3 unknown", "e1 repeated"}; !slices.Equal(got, want) {
		t.Errorf("social events %v", got)
	}
	counts := func() string {
		v := alice.do(http.MethodPost, "/v1/campaigns/phone/shares", "").wants(t, http.StatusOK).value(t)
		return fmt.Sprint(v["code"], v["reposts"], v["visitors"], v["reservations"])
	}
	for n := 0; counts() != code+"111" && n < 5000; n++ { // a reservation counts when the node comes to it
		s.work()
	}
	if counts() != code+"111" {
		t.Errorf("the link %s", counts())
	}
}

func TestADrawPublishesItsHashFirstAndItsSeedLast(t *testing.T) {
	s := newSale(t, sharingFile)
	shiftTo(t, s.operator, core.PhaseReservation)
	alice := s.shopper("alice")
	campaign := alice.do(http.MethodGet, "/v1/campaigns/phone", "").wants(t, http.StatusOK).value(t)
	draws, _ := campaign["draws"].([]any)
	published, _ := draws[0].(map[string]any)
	const path = "/v1/campaigns/phone/draws/reposters"
	open := alice.do(http.MethodGet, path, "").wants(t, http.StatusOK).value(t)
	if open["state"] != "open" || open["seed"] != nil || open["seed_hash"] != published["seed_hash"] || len(fmt.Sprint(open["seed_hash"])) != 64 {
		t.Errorf("draw %v, published %v", open, published)
	}
	code, _ := alice.do(http.MethodPost, "/v1/campaigns/phone/shares", "").wants(t, http.StatusCreated).value(t)["code"].(string)
	if r := s.social(SocialEvent{ID: "e", Kind: core.SocialRepost, Share: code, By: "u"}); r[0].Result != "counted" || r[0].Entries != 2 {
		t.Errorf("social events %v", r)
	}
	alice.do(http.MethodGet, path+"/export", "").problem(t, core.CodeWrongState)
	alice.do(http.MethodGet, "/v1/campaigns/phone/draws/none", "").problem(t, core.CodeNotFound)
	s.ahead.Add(int64(72 * time.Hour))
	drawn := s.eventually(alice, path, `"state":"drawn"`).value(t)
	entry := alice.do(http.MethodGet, path+"/entry", "").wants(t, http.StatusOK).value(t)
	winners, _ := drawn["winners"].([]any)
	if drawn["state"] != "drawn" || drawn["seed"] == nil || len(winners) != 1 || winners[0] != entry["id"] || jsonText(t, entry["place"]) != "1" {
		t.Errorf("draw %v, entry %v", drawn, entry)
	}
	export := alice.do(http.MethodGet, path+"/export", "").wants(t, http.StatusOK).value(t)
	if export["seed"] != drawn["seed"] || export["seed_hash"] != open["seed_hash"] || strings.Contains(fmt.Sprint(export), "alice") {
		t.Errorf("export %v", export)
	}
}

func TestAMessageIsAnsweredByTheMechanic(t *testing.T) {
	s := newSale(t, sharingFile)
	shiftTo(t, s.operator, core.PhaseSale)
	alice := s.shopper("alice")
	answered := func(text string) string {
		v := alice.do(http.MethodPost, "/v1/inbox", `{"campaign":"phone","text":"`+text+`"}`).wants(t, http.StatusCreated).value(t)
		replies, _ := v["replies"].([]any)
		if len(replies) != 1 {
			t.Fatalf("%s: %v", text, v)
		}
		return fmt.Sprint(replies[0])
	}
	if got := answered("When is the opening?"); !strings.Contains(got, "At noon.") {
		t.Errorf("answered %s", got)
	}
	o := s.place(alice, `{"sku":"mi2","quantity":1}`)
	if got := answered("my order?"); !strings.Contains(got, o.ID) || !strings.Contains(got, "1999.00") {
		t.Errorf("answered %s", got)
	}
	inbox := s.list(alice, "/v1/inbox?limit=3")
	if len(inbox) != 3 || inbox[0]["state"] != "received" || inbox[0]["reply"] != inbox[1]["id"] {
		t.Errorf("inbox %v", inbox)
	}
	alice.do(http.MethodPost, "/v1/inbox", `{"campaign":"nothing","text":"hello"}`).problem(t, core.CodeNotFound)
}
