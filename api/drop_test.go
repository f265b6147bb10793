package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/sqlite"
	"hotdrop/rules"
)

// inlineRules compiles the rules that stand in a campaign file; the library and plugins are wired by the binary.
type inlineRules struct{}

func (inlineRules) Compile(_ context.Context, binding core.Binding) (core.Mechanic, error) {
	return rules.CompileJSON(binding.Rule, binding.Config)
}

// newDrop serves a real engine on the SQLite store.
func newDrop(t *testing.T) (*Server, *client) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	store, err := sqlite.Open(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	engine := core.NewEngine(core.Options{Store: store, Campaigns: store, Ledger: store, Compiler: inlineRules{}})
	if err := engine.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		engine.Stop()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return newServer(t, Options{Engine: engine, Rulesets: store, Readiness: engine, Demo: true})
}

const dropFile = `
campaign: phone
brand: xiaomi
currency: CNY
title: Doomsday
phases:
  teaser: 2012-12-17T00:00:00+08:00
  reservation: 2012-12-19T10:00:00+08:00
  sale: 2012-12-21T12:00:00+08:00
  closed: 2012-12-22T12:00:00+08:00
items:
  - {sku: mi2, title: Mi 2, price: 199900, stock: 3, limit: 1, hold: 15m, needs_reservation: true}
  - {sku: case, title: Case, price: 1000, stock: 100, limit: 5, hold: 15m}
  - {sku: early, title: Early, price: 500, stock: 9, hold: 15m,
     phases: {sale: 2012-12-19T10:00:00+08:00, closed: 2012-12-21T12:00:00+08:00}}
inputs: {colour: {type: enum, of: [black, white]}}
ruleset:
  - rule:
      hook: quote
      rule: no-black-cases
      when: item.sku == "case" && input.colour == "black"
      then: # one effect
        - deny: {reason: no_black, text: {en: "No black ones", zh: "没有黑色"}}
`

// openDrop applies the file and lets the phase begin.
func openDrop(t *testing.T, s *Server, c *client, phase core.Phase) *client {
	t.Helper()
	operator := c.withKey(s, "demo-operator")
	operator.apply("phone", dropFile).wants(t, http.StatusCreated)
	shiftTo(t, operator, phase)
	return operator
}

func shiftTo(t *testing.T, operator *client, phase core.Phase) {
	t.Helper()
	v := operator.do(http.MethodPost, "/v1/demo/campaigns/phone/phase", `{"phase":"`+string(phase)+`"}`).wants(t, http.StatusOK).value(t)
	if v["phase"] != string(phase) {
		t.Fatalf("the phase is %v, want %s", v["phase"], phase)
	}
}

func TestAShopperReservesOrdersPaysAndSeesItAll(t *testing.T) {
	s, c := newDrop(t)
	operator := openDrop(t, s, c, core.PhaseReservation)
	shopper := c.as(s, alice)
	first := shopper.do(http.MethodPost, "/v1/campaigns/phone/reservations", "").wants(t, http.StatusCreated)
	again := shopper.do(http.MethodPost, "/v1/campaigns/phone/reservations", "").wants(t, http.StatusOK)
	if first.body != again.body || first.value(t)["position"] == nil {
		t.Errorf("first %s again %s", first.body, again.body)
	}
	shopper.order(`{"sku":"mi2","quantity":1}`, "a").problem(t, core.CodeNotInPhase)

	shiftTo(t, operator, core.PhaseSale)
	quote := shopper.do(http.MethodPost, "/v1/campaigns/phone/quotes", `{"sku":"mi2","quantity":1}`).wants(t, http.StatusOK).value(t)
	if jsonText(t, quote["total"]) != "199900" || jsonText(t, quote["left"]) != "3" {
		t.Errorf("quote %v", quote)
	}
	const order = `{"sku":"mi2","quantity":1,"expect_total":199900}`
	placed := shopper.order(order, "a").wants(t, http.StatusCreated)
	replay := shopper.order(order, "a").wants(t, http.StatusCreated)
	if replay.body != placed.body || replay.header.Get("Idempotent-Replayed") != "true" || placed.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("placed %s\nreplayed %s %v", placed.body, replay.body, replay.header)
	}
	id, _ := placed.value(t)["id"].(string)
	shopper.do(http.MethodPost, "/v1/orders/"+id+"/pay", "", "Idempotency-Key", "p").problem(t, core.CodeInsufficientFunds)
	top := shopper.topUp(`{"currency":"CNY","amount":200000}`, "t").wants(t, http.StatusCreated)
	if jsonText(t, top.value(t)["balance"]) != "200000" {
		t.Errorf("top-up %s", top.body)
	}
	paid := shopper.do(http.MethodPost, "/v1/orders/"+id+"/pay", "", "Idempotency-Key", "p").wants(t, http.StatusOK).value(t)
	if paid["state"] != "paid" {
		t.Errorf("paid %v", paid)
	}
	shopper.do(http.MethodPost, "/v1/orders/"+id+"/cancel", "", "Idempotency-Key", "c").problem(t, core.CodeWrongState)
	if got := shopper.do(http.MethodGet, "/v1/orders/"+id, "").wants(t, http.StatusOK).value(t); got["state"] != "paid" {
		t.Errorf("order %v", got)
	}
	wallet := shopper.do(http.MethodGet, "/v1/wallet", "").wants(t, http.StatusOK)
	if !strings.Contains(wallet.body, `"CNY":100`) {
		t.Errorf("wallet %s", wallet.body)
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	text, ok := v.(interface{ String() string })
	if !ok {
		t.Fatalf("%v is no number", v)
	}
	return text.String()
}

func TestWhatAnOrderIsRefusedWith(t *testing.T) {
	s, c := newDrop(t)
	openDrop(t, s, c, core.PhaseSale)
	shopper := c.as(s, alice)
	shopper.order(`{"sku":"case","quantity":4}`, "used").wants(t, http.StatusCreated)
	cases := []struct {
		name, body, key string
		code            core.Code
	}{
		{"no reservation", `{"sku":"mi2","quantity":1}`, "1", core.CodeReservationRequired},
		{"unknown SKU", `{"sku":"mi9","quantity":1}`, "2", core.CodeInvalid},
		{"more than the limit", `{"sku":"case","quantity":2}`, "3", core.CodeLimitReached},
		{"another total", `{"sku":"case","quantity":1,"expect_total":1}`, "4", core.CodePriceChanged},
		{"an item whose window is over", `{"sku":"early","quantity":1}`, "5", core.CodeNotInPhase},
		{"a mechanic denies", `{"sku":"case","quantity":1,"input":{"colour":"black"}}`, "6", core.CodeDenied},
		{"an input nobody declared", `{"sku":"case","quantity":1,"input":{"size":"L"}}`, "7", core.CodeInvalid},
		{"an input of the wrong type", `{"sku":"case","quantity":1,"input":{"colour":5}}`, "8", core.CodeInvalid},
		{"a key used with another body", `{"sku":"case","quantity":3}`, "used", core.CodeIdempotencyMismatch},
		{"no key", `{"sku":"case","quantity":1}`, "", core.CodeIdempotencyMissing},
	}
	for _, one := range cases {
		a := shopper.order(one.body, one.key)
		if got := a.value(t)["code"]; got != string(one.code) {
			t.Errorf("%s: %s", one.name, a.body)
			continue
		}
		a.problem(t, one.code)
	}
	elsewhere := shopper.do(http.MethodPost, "/v1/campaigns/nothing/orders", `{"sku":"case","quantity":1}`, "Idempotency-Key", "9")
	elsewhere.problem(t, core.CodeNotFound)
	shopper.do(http.MethodGet, "/v1/orders/"+sampleOrderID, "").problem(t, core.CodeNotFound)
}

func TestOneShoppersOrderIsNobodyElses(t *testing.T) {
	s, c := newDrop(t)
	openDrop(t, s, c, core.PhaseSale)
	shopper, bob := c.as(s, alice), c.as(s, core.Principal{ID: "bob", Role: core.RoleShopper})
	placed := shopper.order(`{"sku":"case","quantity":1}`, "a").wants(t, http.StatusCreated)
	id, _ := placed.value(t)["id"].(string)
	bob.do(http.MethodGet, "/v1/orders/"+id, "").problem(t, core.CodeNotFound)
	bob.do(http.MethodPost, "/v1/orders/"+id+"/pay", "", "Idempotency-Key", "a").problem(t, core.CodeNotFound)
	bob.do(http.MethodPost, "/v1/orders/"+id+"/cancel", "", "Idempotency-Key", "a").problem(t, core.CodeNotFound)
	if page := bob.do(http.MethodGet, "/v1/orders", "").wants(t, http.StatusOK); page.body != `{"data":[],"next":null}`+"\n" {
		t.Errorf("bob sees %s", page.body)
	}
	cancelled := shopper.do(http.MethodPost, "/v1/orders/"+id+"/cancel", "", "Idempotency-Key", "x").wants(t, http.StatusOK)
	if cancelled.value(t)["state"] != "cancelled" {
		t.Errorf("cancelled %s", cancelled.body)
	}
}

func TestOrdersArePagedWithoutGapsOrRepeats(t *testing.T) {
	s, c := newDrop(t)
	openDrop(t, s, c, core.PhaseSale)
	shopper := c.as(s, alice)
	var want []string
	for _, key := range []string{"1", "2", "3", "4", "5"} {
		placed := shopper.order(`{"sku":"case","quantity":1}`, key).wants(t, http.StatusCreated)
		id, _ := placed.value(t)["id"].(string)
		want = append(want, id)
	}
	var got []string
	for path := "/v1/orders?limit=2"; path != ""; {
		page := shopper.do(http.MethodGet, path, "").wants(t, http.StatusOK).value(t)
		rows, _ := page["data"].([]any)
		for _, row := range rows {
			order, _ := row.(map[string]any)
			id, _ := order["id"].(string)
			got = append(got, id)
		}
		next, more := page["next"].(string)
		path = "/v1/orders?limit=2&cursor=" + next
		if !more {
			path = ""
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, query := range []string{"limit=0", "limit=101", "limit=x", "limit=1.5", "page=1", "cursor=" + strings.Repeat("a", 257)} {
		shopper.do(http.MethodGet, "/v1/orders?"+query, "").problem(t, core.CodeInvalid)
	}
}

func TestACampaignHidesItsItemsUntilTheTeaserIsOver(t *testing.T) {
	s, c := newDrop(t)
	operator := openDrop(t, s, c, core.PhaseTeaser)
	shopper := c.as(s, alice)
	items := func(caller *client) []any {
		v := caller.do(http.MethodGet, "/v1/campaigns/phone", "").wants(t, http.StatusOK).value(t)
		list, _ := v["items"].([]any)
		return list
	}
	if got := items(shopper); got == nil || len(got) != 0 {
		t.Errorf("a shopper sees %v", got)
	}
	if got := items(operator); len(got) != 3 {
		t.Errorf("the operator sees %v", got)
	}
	shiftTo(t, operator, core.PhaseReservation)
	got := items(shopper)
	if len(got) != 3 {
		t.Fatalf("a shopper sees %v", got)
	}
	early, _ := got[2].(map[string]any)
	if early["phase"] != "sale" || jsonText(t, early["left"]) != "9" {
		t.Errorf("the window of the item did not move along: %v", early)
	}
	page := shopper.do(http.MethodGet, "/v1/campaigns?limit=1", "").wants(t, http.StatusOK).value(t)
	rows, _ := page["data"].([]any)
	row, _ := rows[0].(map[string]any)
	if len(rows) != 1 || row["id"] != "phone" || page["next"] != nil {
		t.Errorf("list %v", page)
	}
}

func TestACampaignCanBeShiftedToEveryPhaseAndBack(t *testing.T) {
	s, c := newDrop(t)
	operator := openDrop(t, s, c, core.PhaseTeaser)
	for _, phase := range []core.Phase{core.PhaseClosed, core.PhaseSale, core.PhaseTeaser, core.PhaseReservation} {
		shiftTo(t, operator, phase)
	}
	operator.do(http.MethodPost, "/v1/demo/campaigns/phone/phase", `{"phase":"before"}`).problem(t, core.CodeInvalid)
	operator.do(http.MethodPost, "/v1/demo/campaigns/none/phase", `{"phase":"sale"}`).problem(t, core.CodeNotFound)
}

func TestShiftingMovesEveryTimeByTheSame(t *testing.T) {
	sale := time.Date(2012, 12, 21, 12, 0, 0, 0, time.UTC)
	c := &core.Campaign{
		Phases:       core.Phases{Sale: sale, Closed: sale.Add(time.Hour)},
		Items:        []core.Item{{SKU: "a", Phases: core.Phases{Sale: sale.Add(time.Minute), Closed: sale.Add(2 * time.Minute)}}, {SKU: "b"}},
		VoucherPools: map[string]core.VoucherPool{"p": {Expires: sale.Add(3 * time.Hour)}, "q": {}},
	}
	now := time.Date(2026, 1, 1, 8, 30, 15, 999, time.UTC)
	got, err := beginning(c, core.PhaseSale, now)
	if err != nil {
		t.Fatal(err)
	}
	start := now.Truncate(time.Second)
	for name, pair := range map[string][2]time.Time{
		"sale": {got.Phases.Sale, start}, "closed": {got.Phases.Closed, start.Add(time.Hour)},
		"item": {got.Items[0].Phases.Sale, start.Add(time.Minute)}, "voucher": {got.VoucherPools["p"].Expires, start.Add(3 * time.Hour)},
		"unset phase": {got.Phases.Teaser, time.Time{}}, "unset item": {got.Items[1].Phases.Sale, time.Time{}},
		"unset voucher":    {got.VoucherPools["q"].Expires, time.Time{}},
		"original":         {c.Items[0].Phases.Sale, sale.Add(time.Minute)},
		"original voucher": {c.VoucherPools["p"].Expires, sale.Add(3 * time.Hour)},
	} {
		if !pair[0].Equal(pair[1]) {
			t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
		}
	}
	if _, err := beginning(c, core.PhaseTeaser, now); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("a phase it does not have: %v", err)
	}
}

// What a brand sells, at which price and how many of it, is news until the reservation begins: for another brand most of all.
func TestBeforeTheReservationACampaignShowsItsItemsToItsOwnStaffOnly(t *testing.T) {
	s, c := newDrop(t)
	openDrop(t, s, c, core.PhaseTeaser)
	for what, one := range map[string]struct {
		who  core.Principal
		seen bool
	}{
		"a shopper":                    {alice, false},
		"the brand":                    {core.Principal{ID: "ann", Role: core.RoleBrand, Brand: "xiaomi"}, true},
		"another brand":                {core.Principal{ID: "max", Role: core.RoleBrand, Brand: "meizu"}, false},
		"another brand's auditor":      {core.Principal{ID: "aida", Role: core.RoleAuditor, Brand: "meizu"}, false},
		"an operator of every brand":   {core.Principal{ID: "olga", Role: core.RoleOperator}, true},
		"an auditor of its own brands": {core.Principal{ID: "axel", Role: core.RoleAuditor, Brand: "xiaomi"}, true},
	} {
		for _, path := range []string{"/v1/campaigns/phone", "/v1/campaigns"} {
			a := c.as(s, one.who).do(http.MethodGet, path, "").wants(t, http.StatusOK)
			if got := strings.Contains(a.body, `"price":`); got != one.seen {
				t.Errorf("%s to %s: items are shown is %v, want %v", path, what, got, one.seen)
			}
		}
	}
}
