package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/sqlite"
	rulelibrary "hotdrop/rules/library"
)

// libraryRules compiles shipped rules by name, and those that stand in the file.
type libraryRules struct{ inlineRules }

func (l libraryRules) Compile(ctx context.Context, binding core.Binding) (core.Mechanic, error) {
	if binding.Mechanic != "" {
		return rulelibrary.Compile(binding.Mechanic, binding.Config)
	}
	return l.inlineRules.Compile(ctx, binding)
}

// sale is a real engine behind the API, with a clock that can be put forward.
type sale struct {
	t        *testing.T
	engine   *core.Engine
	server   *Server
	client   *client
	operator *client
	ahead    *atomic.Int64 // of the real time, nanoseconds
	keys     int
}

func newSale(t *testing.T, file string) *sale {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	store, err := sqlite.Open(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	s := &sale{t: t, ahead: &atomic.Int64{}}
	now := func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }
	s.engine = core.NewEngine(core.Options{Store: store, Campaigns: store, Ledger: store, Compiler: libraryRules{}, Now: now})
	if err := s.engine.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		s.engine.Stop()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s.server, s.client = newServer(t, Options{
		Engine: s.engine, Rulesets: store, Readiness: s.engine, Rules: inlineRules{}, Demo: true,
	})
	s.operator = s.client.withKey(s.server, "demo-operator")
	s.operator.apply("phone", file).wants(t, http.StatusCreated)
	return s
}

// shopper returns a shopper with money.
func (s *sale) shopper(id string) *client {
	s.t.Helper()
	shopper := s.client.as(s.server, core.Principal{ID: id, Role: core.RoleShopper})
	shopper.topUp(`{"currency":"CNY","amount":1000000}`, "money").wants(s.t, http.StatusCreated)
	return shopper
}

// key returns an Idempotency-Key that was not used before.
func (s *sale) key() string {
	s.keys++
	return fmt.Sprintf("key-%d", s.keys)
}

// place places an order and returns it.
func (s *sale) place(shopper *client, body string) Order {
	s.t.Helper()
	return s.read(shopper.order(body, s.key()).wants(s.t, http.StatusCreated))
}

// read decodes an order.
func (s *sale) read(a answer) Order {
	s.t.Helper()
	var o Order
	if err := json.Unmarshal([]byte(a.body), &o); err != nil {
		s.t.Fatal(err)
	}
	return o
}

// pay pays what is due and returns the order as that leaves it.
func (s *sale) pay(shopper *client, o Order) Order {
	s.t.Helper()
	return s.read(shopper.do(http.MethodPost, "/v1/orders/"+o.ID+"/pay", "", "Idempotency-Key", s.key()).wants(s.t, http.StatusOK))
}

// eventually waits for what the engine does by itself: it looks until what it finds holds the text.
func (s *sale) eventually(caller *client, path, text string) answer {
	s.t.Helper()
	for range 5000 {
		a := caller.do(http.MethodGet, path, "").wants(s.t, http.StatusOK)
		if strings.Contains(a.body, text) {
			return a
		}
		s.work()
	}
	s.t.Fatalf("%s never had %s", path, text)
	return answer{}
}

// work does what is due.
func (s *sale) work() {
	s.t.Helper()
	if _, err := s.engine.Work(s.t.Context(), "phone"); err != nil {
		s.t.Fatal(err)
	}
}

// list reads the first page of a list.
func (s *sale) list(caller *client, path string) []map[string]any {
	s.t.Helper()
	v := caller.do(http.MethodGet, path, "").wants(s.t, http.StatusOK).value(s.t)
	rows, _ := v["data"].([]any)
	list := make([]map[string]any, len(rows))
	for i, row := range rows {
		list[i], _ = row.(map[string]any)
	}
	return list
}

const salePhases = `
campaign: phone
brand: xiaomi
currency: CNY
title: Everything
phases:
  reservation: 2012-12-19T10:00:00+08:00
  sale: 2012-12-21T12:00:00+08:00
  closed: 2012-12-22T12:00:00+08:00
`

const groupFile = salePhases + `
items: [{sku: mi2, title: Mi 2, price: 199900, stock: 9, hold: 15m}]
ruleset: [{mechanic: group-buy, config: {price: 149900, size: 2, seconds: 600}}]
`

func TestAGroupIsOpenedJoinedAndCompletedOverTheAPI(t *testing.T) {
	s := newSale(t, groupFile)
	shiftTo(t, s.operator, core.PhaseSale)
	alice, bob, carol := s.shopper("alice"), s.shopper("bob"), s.shopper("carol")
	const body = `{"sku":"mi2","quantity":1}`
	quote := alice.do(http.MethodPost, "/v1/campaigns/phone/quotes", body).wants(t, http.StatusOK).value(t)
	terms, _ := quote["group"].(map[string]any)
	if jsonText(t, quote["total"]) != "149900" || jsonText(t, terms["size"]) != "2" {
		t.Errorf("quote %v", quote)
	}
	first := s.place(alice, body)
	if first.Group == "" || first.Total != 149900 || len(first.Conditions) != 1 || first.Conditions[0].State != core.ConditionOpen {
		t.Fatalf("opened %+v", first)
	}
	join := `{"sku":"mi2","quantity":1,"group":"` + first.Group + `"}`
	second := s.place(bob, join)
	group := carol.do(http.MethodGet, "/v1/groups/"+first.Group, "").wants(t, http.StatusOK)
	if v := group.value(t); v["state"] != "open" || jsonText(t, v["joined"]) != "2" || jsonText(t, v["price"]) != "149900" {
		t.Errorf("group %v", v)
	}
	if strings.Contains(group.body, "alice") || strings.Contains(group.body, "bob") {
		t.Errorf("the group says who is in it: %s", group.body)
	}
	carol.order(join, s.key()).problem(t, core.CodeGroupFull)
	s.pay(alice, first)
	s.pay(bob, second)
	s.eventually(carol, "/v1/groups/"+first.Group, `"state":"complete"`)
	for shopper, o := range map[*client]Order{alice: first, bob: second} {
		s.eventually(shopper, "/v1/orders/"+o.ID, `"state":"met"`)
	}
	carol.order(join, s.key()).problem(t, core.CodeGroupClosed)
	carol.do(http.MethodGet, "/v1/groups/phone.0123456789abcdefghjkmnpqrs", "").problem(t, core.CodeNotFound)
}

func TestAGroupThatFailsOffersTheDifferenceOrTheMoneyBack(t *testing.T) {
	s := newSale(t, groupFile)
	shiftTo(t, s.operator, core.PhaseSale)
	alice, bob := s.shopper("alice"), s.shopper("bob")
	stays, leaves := s.place(alice, `{"sku":"mi2","quantity":1}`), s.place(bob, `{"sku":"mi2","quantity":1}`)
	s.pay(alice, stays)
	s.pay(bob, leaves)
	s.ahead.Add(int64(11 * time.Minute))
	offered := s.read(s.eventually(alice, "/v1/orders/"+stays.ID, `"kind":"difference"`))
	s.eventually(bob, "/v1/orders/"+leaves.ID, `"kind":"difference"`)
	if n := len(offered.Dues); n != 2 || offered.Dues[1].Kind != core.DueDifference || offered.Dues[1].Amount != 50000 {
		t.Fatalf("offered %+v", offered.Dues)
	}
	if o := s.pay(alice, stays); o.Conditions[0].State != core.ConditionWaived || o.Dues[1].State != core.DuePaid {
		t.Errorf("who paid the difference has %+v", o)
	}
	bob.do(http.MethodPost, "/v1/orders/"+leaves.ID+"/cancel", "", "Idempotency-Key", s.key()).wants(t, http.StatusOK)
	s.eventually(bob, "/v1/wallet", `"CNY":1000000`)
	if inbox := s.list(bob, "/v1/inbox"); len(inbox) == 0 {
		t.Error("nobody told bob")
	}
}

const deskFile = salePhases + `
items: [{sku: smart, title: Smart, price: 12888800, stock: 9, hold: 15m}, {sku: case, title: Case, price: 1000, stock: 9, hold: 15m}]
deposits: {balance_at: dealer, unpaid: forfeit}
quotas: {trade-in: 5}
inputs:
  trade_in:
    brand: {type: string, max: 40}
    model: {type: string, max: 40}
    condition: {type: string, max: 40}
ruleset:
  - {mechanic: deposit, config: {skus: [smart], amount: 50000}}
  - {mechanic: trade-in, config: {sku: case, brands: [Xiaomi], amount: 300}}
`

func TestACarIsReservedByADepositAndPaidAtTheDealer(t *testing.T) {
	s := newSale(t, deskFile)
	shiftTo(t, s.operator, core.PhaseSale)
	owner, stranger := s.client.withKey(s.server, "demo-xiaomi"), s.client.withKey(s.server, "demo-meizu")
	alice := s.shopper("alice")
	o := s.place(alice, `{"sku":"smart","quantity":1}`)
	if len(o.Dues) != 2 || o.Dues[0].Kind != core.DueDeposit || o.Dues[1].Kind != core.DueBalance || o.Dues[1].Amount != 12838800 {
		t.Fatalf("dues %+v", o.Dues)
	}
	path := "/v1/orders/" + o.ID
	const confirmation = `{"reference":"ZH-1","reason":"paid in Zhuhai"}`
	owner.do(http.MethodPost, path+"/dues/balance/confirmations", confirmation).problem(t, core.CodeWrongState)
	if o = s.pay(alice, o); o.State != core.OrderPlaced || o.Dues[0].State != core.DuePaid {
		t.Errorf("with its deposit paid the order is %+v", o)
	}
	alice.do(http.MethodPost, path+"/pay", "", "Idempotency-Key", s.key()).problem(t, core.CodeWrongState)
	stranger.do(http.MethodPost, path+"/dues/balance/confirmations", confirmation).problem(t, core.CodeNotFound)
	paid := owner.do(http.MethodPost, path+"/dues/balance/confirmations", confirmation).wants(t, http.StatusOK)
	again := owner.do(http.MethodPost, path+"/dues/balance/confirmations", confirmation).wants(t, http.StatusOK)
	if o = s.read(paid); o.State != core.OrderPaid || o.Shopper != "alice" || again.header.Get("ETag") != paid.header.Get("ETag") {
		t.Errorf("confirmed %+v", o)
	}
	other := s.place(s.shopper("bob"), `{"sku":"smart","quantity":1}`)
	s.pay(s.shopper("bob"), other)
	owner.do(http.MethodPost, "/v1/orders/"+other.ID+"/dues/balance/confirmations", confirmation).problem(t, core.CodeAlreadyUsed)
}

func TestAnOrderGoesThroughTheDeskOfItsBrand(t *testing.T) {
	s := newSale(t, deskFile)
	shiftTo(t, s.operator, core.PhaseSale)
	owner, stranger := s.client.withKey(s.server, "demo-xiaomi"), s.client.withKey(s.server, "demo-meizu")
	alice := s.shopper("alice")
	o := s.place(alice, `{"sku":"case","quantity":1,"input":{"trade_in":{"brand":"Xiaomi","model":"2S"}}}`)
	path := "/v1/orders/" + o.ID
	if o.Total != 700 || len(o.Conditions) != 1 || o.Conditions[0].Kind != "trade_in" {
		t.Fatalf("order %+v", o)
	}
	const parcel = `{"carrier":"SF Express","tracking":"SF1"}`
	owner.do(http.MethodPost, path+"/shipments", parcel).problem(t, core.CodeWrongState)
	s.pay(alice, o)
	owner.do(http.MethodPost, path+"/shipments", parcel).problem(t, core.CodeWrongState)
	const received = `{"state":"received","reason":"here"}`
	owner.do(http.MethodPost, path+"/conditions/other", received).problem(t, core.CodeNotFound)
	owner.do(http.MethodPost, path+"/conditions/trade_in", received, "If-Match", `"1"`).problem(t, core.CodePreconditionFailed)
	tag := owner.do(http.MethodGet, path, "").wants(t, http.StatusOK).header.Get("ETag")
	owner.do(http.MethodPost, path+"/conditions/trade_in", received, "If-Match", tag).wants(t, http.StatusOK)
	owner.do(http.MethodPost, path+"/shipments", parcel).wants(t, http.StatusOK)
	stranger.do(http.MethodPost, path+"/deliveries", "").problem(t, core.CodeNotFound)
	stranger.do(http.MethodGet, path, "").problem(t, core.CodeNotFound)
	stranger.do(http.MethodGet, "/v1/campaigns/phone/orders", "").problem(t, core.CodeNotFound)
	seen := s.read(alice.do(http.MethodGet, path, "").wants(t, http.StatusOK))
	if seen.Shipment == nil || seen.Shipment.Tracking != "SF1" || seen.Shopper != "" {
		t.Errorf("alice sees %+v", seen)
	}
	s.operator.do(http.MethodPost, path+"/deliveries", "").wants(t, http.StatusOK)
	if rows := s.list(owner, "/v1/campaigns/phone/orders?state=delivered"); len(rows) != 1 || rows[0]["id"] != o.ID {
		t.Errorf("delivered are %v", rows)
	}
	if rows := s.list(owner, "/v1/campaigns/phone/orders?state=paid"); len(rows) != 0 {
		t.Errorf("paid are %v", rows)
	}
	refunded := s.read(owner.do(http.MethodPost, path+"/refunds", `{"reason":"cracked"}`).wants(t, http.StatusOK))
	if refunded.State != core.OrderRefunded || refunded.Dues[0].State != core.DueRefunded {
		t.Errorf("refunded %+v", refunded)
	}
	s.eventually(alice, "/v1/wallet", `"CNY":1000000`)
	if told := s.list(alice, "/v1/inbox"); len(told) != 2 {
		t.Errorf("alice was told %v", told)
	}
}

func TestAPageOfOrdersFollowsTheOther(t *testing.T) {
	s := newSale(t, deskFile)
	shiftTo(t, s.operator, core.PhaseSale)
	alice := s.shopper("alice")
	var want, got []string
	for range 5 {
		want = append(want, s.place(alice, `{"sku":"case","quantity":1}`).ID)
	}
	for cursor := ""; ; {
		v := s.operator.do(http.MethodGet, "/v1/campaigns/phone/orders?limit=2&cursor="+cursor, "").wants(t, http.StatusOK).value(t)
		rows, _ := v["data"].([]any)
		for _, row := range rows {
			order, _ := row.(map[string]any)
			id, _ := order["id"].(string)
			got = append(got, id)
		}
		next, more := v["next"].(string)
		if cursor = next; !more {
			break
		}
	}
	slices.Sort(want)
	slices.Reverse(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestStaffReadWhyAnOrderHasItsPriceAndWhyAnotherIsRefused(t *testing.T) {
	s := newSale(t, deskFile)
	shiftTo(t, s.operator, core.PhaseSale)
	owner, stranger := s.client.withKey(s.server, "demo-xiaomi"), s.client.withKey(s.server, "demo-meizu")
	o := s.place(s.shopper("alice"), `{"sku":"case","quantity":1,"input":{"trade_in":{"brand":"Xiaomi","model":"2S"}}}`)
	explain := func(caller *client) answer { return caller.do(http.MethodGet, "/v1/orders/"+o.ID+"/explain", "") }
	stranger.do(http.MethodGet, "/v1/orders/"+o.ID+"/explain", "").problem(t, core.CodeNotFound)
	var why Explanation
	if err := json.Unmarshal([]byte(explain(owner).wants(t, http.StatusOK).body), &why); err != nil {
		t.Fatal(err)
	}
	if !why.Reproduced || why.List != 1000 || why.Total != 700 || len(why.Bindings) != 2 || why.Refusal != nil {
		t.Errorf("explained %+v", why)
	}
	if deposit, tradeIn := why.Bindings[0], why.Bindings[1]; deposit.Outcome != "no_match" || tradeIn.Outcome != "applied" || len(tradeIn.Clauses) == 0 {
		t.Errorf("bindings %+v", why.Bindings)
	}
	request := func(body string) Explanation {
		var why Explanation
		a := owner.do(http.MethodPost, "/v1/campaigns/phone/explanations", body).wants(t, http.StatusOK)
		if err := json.Unmarshal([]byte(a.body), &why); err != nil {
			t.Fatal(err)
		}
		return why
	}
	if why := request(`{"sku":"case","quantity":1,"shopper":{"id":"nobody"}}`); why.Total != 1000 || why.Refusal != nil {
		t.Errorf("explained %+v", why)
	}
	if why := request(`{"sku":"case","quantity":10,"shopper":{"id":"nobody"}}`); why.Refusal == nil || why.Refusal.Code != core.CodeSoldOut {
		t.Errorf("explained %+v", why.Refusal)
	}
	const anything = `{"sku":"case","quantity":1,"shopper":{"id":"nobody"}}`
	stranger.do(http.MethodPost, "/v1/campaigns/phone/explanations", anything).problem(t, core.CodeNotFound)
}
