package api

import (
	"net/http"
	"strings"
	"testing"

	"hotdrop/core"
)

func TestShoppersAreListedWithWhatMechanicsNoted(t *testing.T) {
	engine, s, c := newScripted(t, false)
	a := c.withKey(s, "demo-xiaomi").do(http.MethodGet, "/v1/campaigns/phone/shoppers?tag=gift&limit=2", "").wants(t, http.StatusOK)
	want := `{"data":[{"id":"ann","tags":{"city":"Wuhan","gift":""},"reserved_at":"2012-12-21T04:00:00Z","orders":2},` +
		`{"id":"bob","tags":{"gift":""},"orders":0}],"next":"bob"}` + "\n"
	if a.body != want {
		t.Errorf("%s", a.body)
	}
	samePrincipal(t, engine.asked.who, core.Principal{ID: "demo-xiaomi", Role: core.RoleBrand, Brand: "xiaomi"})
}

// TestTagsOfASaleAreReadByItsBrandOnly has a rule of a campaign note which phones are handed in.
func TestTagsOfASaleAreReadByItsBrandOnly(t *testing.T) {
	s := newSale(t, salePhases+`
items:
  - {sku: mi2, title: Mi 2, price: 199900, stock: 10, hold: 15m}
inputs:
  old: {type: string, max: 20}
ruleset:
  - rule: {rule: ask, hook: quote, when: "true", then: [{tag: {key: old, value: {expr: input.old}}}]}
`)
	shiftTo(t, s.operator, core.PhaseSale)
	for id, body := range map[string]string{
		"ann": `{"sku":"mi2","quantity":1,"input":{"old":"=1+1"}}`, "bob": `{"sku":"mi2","quantity":1,"input":{"old":"S4"}}`,
	} {
		s.place(s.shopper(id), body)
	}
	brand := s.client.withKey(s.server, "demo-xiaomi")
	rows := s.list(brand, "/v1/campaigns/phone/shoppers")
	if len(rows) != 2 || rows[0]["id"] != "ann" || rows[1]["id"] != "bob" {
		t.Fatalf("%v", rows)
	}
	if rows := s.list(brand, "/v1/campaigns/phone/shoppers?tag=old%3DS4"); len(rows) != 1 || rows[0]["id"] != "bob" {
		t.Errorf("%v", rows)
	}
	first := brand.do(http.MethodGet, "/v1/campaigns/phone/shoppers?limit=1", "").wants(t, http.StatusOK)
	if !strings.Contains(first.body, `"next":"ann"`) || !strings.Contains(first.body, `"old":"=1+1"`) {
		t.Errorf("%s", first.body)
	}
	s.client.withKey(s.server, "demo-meizu").do(http.MethodGet, "/v1/campaigns/phone/shoppers", "").problem(t, core.CodeNotFound)
}
