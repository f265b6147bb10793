package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/api"
	"hotdrop/cmd/hotdrop/event"
	"hotdrop/core"
)

// rushFile is a campaign that is on sale from the beginning of hotdrop to the end of the century. Its rule decides every
// order, so that what a crash interrupts has effects, takes and claims.
const rushFile = `campaign: rush
brand: meizu
currency: CNY
title: Rush
phases: {sale: 2020-01-01T00:00:00Z, closed: 2100-01-01T00:00:00Z}
items:
  - {sku: mx3, title: MX3, price: 179900, stock: %d, limit: 1, hold: 24h}
quotas: {half-price: 1000000}
guardrails: {min_price: 1, max_discount: 100000, discount_budget: 100000000000}
ruleset:
  - group: main
    rule:
      hook: quote
      rule: every-order
      when: item.sku == "mx3"
      then:
        - discount: {amount: "900", label: Rush}
        - take: {quota: half-price, units: "quantity"}
`

// orderBody asks for one phone of the rush.
const orderBody = `{"sku":"mx3","quantity":1}`

// applyRush puts the rush on sale with units in stock, through the command.
func applyRush(t *testing.T, folder string, s *server, keys *api.Keys, units int) {
	t.Helper()
	file := writeFile(t, t.TempDir(), "rush.yaml", fmt.Sprintf(rushFile, units))
	requireRun(t, folder, "campaign", "apply", "--reason", "a test", file, "--server", s.url, "--key", keyOf(keys, core.RoleOperator))
}

// demoKeys are the keys that a demo server made in its data folder.
func demoKeys(t *testing.T, data string) *api.Keys {
	t.Helper()
	keys, err := api.LoadKeys(filepath.Join(data, demoKeysFile))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// rush is many shoppers at once, each of whom asks for one phone, and pays for it, until definite answers come.
type rush struct {
	urls     []string // servers, which the clients are spread over
	keys     *api.Keys
	shoppers int
	clients  int
	disturb  func() // called once, in the middle, while the clients go on

	mu       sync.Mutex
	orders   map[string]string // the acknowledged order of each shopper
	refusals map[string]int    // how many were refused, by code
	retries  int
	next     atomic.Int64
	once     sync.Once
	wait     sync.WaitGroup
}

// run sends every shopper and returns when all have been answered.
func (r *rush) run(t *testing.T) {
	t.Helper()
	r.orders, r.refusals = map[string]string{}, map[string]int{}
	failures := make(chan error, r.clients)
	for i := range r.clients {
		client, err := event.NewClient(r.urls[i%len(r.urls)])
		if err != nil {
			t.Fatal(err)
		}
		client.Patience = patience
		r.wait.Go(func() {
			failures <- r.send(t, client)
			_ = client.Close() // its server may be gone
		})
	}
	for range r.clients {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
	r.wait.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

func (r *rush) send(t *testing.T, client *event.Client) error {
	t.Helper()
	for {
		i := int(r.next.Add(1)) - 1
		if i >= r.shoppers {
			return nil
		}
		if err := r.buy(t, client, fmt.Sprintf("rusher-%d", i)); err != nil {
			return err
		}
		if r.disturb != nil && i >= r.shoppers/3 {
			r.once.Do(func() { r.wait.Go(r.disturb) })
		}
	}
}

// buy orders, and pays for what was sold.
func (r *rush) buy(t *testing.T, client *event.Client, shopper string) error {
	t.Helper()
	order, err := r.ask(t, client, shopper, "/v1/campaigns/rush/orders", orderBody)
	if err != nil {
		return err
	}
	r.note(shopper, order)
	if order.Code != "" {
		return nil
	}
	if topUp, err := r.ask(t, client, shopper, "/v1/wallet/topups", `{"currency":"CNY","amount":200000}`); err != nil || topUp.Code != "" {
		return fmt.Errorf("%s tops up: %v, %w", shopper, topUp, err)
	}
	if paid, err := r.ask(t, client, shopper, "/v1/orders/"+order.ID+"/pay", ""); err != nil || paid.State != "paid" {
		return fmt.Errorf("%s pays: %v, %w", shopper, paid, err)
	}
	return nil
}

// verdict is what a shopper reads of an answer; Code is empty for a success.
type verdict struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Code  string `json:"code"`
}

// ask sends a request until the answer is definite: one that was lost may still be under way when it is sent again.
func (r *rush) ask(t *testing.T, client *event.Client, shopper, path, body string) (v verdict, err error) {
	t.Helper()
	for {
		response, retries, err := client.Do(t.Context(), event.Request{
			Method: http.MethodPost, Path: path, Key: "k", Token: r.token(shopper), Body: []byte(body),
		})
		if err != nil {
			return v, fmt.Errorf("%s: %w", shopper, err)
		}
		if err := json.Unmarshal(response.Body, &v); err != nil {
			return v, fmt.Errorf("%s: %d %s", shopper, response.Status, response.Body)
		}
		r.mu.Lock()
		r.retries += retries
		r.mu.Unlock()
		if v.Code != string(core.CodeInFlight) {
			return v, nil
		}
		v = verdict{}
	}
}

func (r *rush) note(shopper string, v verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v.Code == "" {
		r.orders[shopper] = v.ID
		return
	}
	r.refusals[v.Code]++
}

func (r *rush) token(shopper string) string {
	token, err := r.keys.Sign(core.Principal{ID: shopper, Role: core.RoleShopper}, time.Hour)
	if err != nil {
		panic(err) // a shopper with an id can always be signed for
	}
	return token
}

// requireBalance checks what must be true whatever happened in between: exactly min(units, shoppers) were sold, the
// others were told that it is sold out, and every acknowledged order is there for its shopper, paid.
func (r *rush) requireBalance(t *testing.T, units int) {
	t.Helper()
	want := min(units, r.shoppers)
	if len(r.orders) != want || r.refusals["sold_out"] != r.shoppers-want || len(r.refusals) > 1 {
		t.Errorf("sold %d of %d to %d shoppers; refused %v", len(r.orders), units, r.shoppers, r.refusals)
	}
	owners := map[string]string{}
	for shopper, order := range r.orders {
		if other, twice := owners[order]; twice {
			t.Errorf("order %s belongs to %s and %s", order, shopper, other)
		}
		owners[order] = shopper
	}
	client, err := event.NewClient(r.urls[0])
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for order, shopper := range owners {
		response, _, err := client.Do(t.Context(), event.Request{
			Method: http.MethodGet, Path: "/v1/orders/" + order, Token: r.token(shopper),
		})
		if err != nil || response.Status != http.StatusOK || !strings.Contains(string(response.Body), `"state":"paid"`) {
			t.Fatalf("order %s of %s was acknowledged as paid and is not: %d %s %v", order, shopper, response.Status, response.Body, err)
		}
	}
}

// requireCleanAudit runs the audit beside whatever uses the database, and checks that it saw what it should have.
func requireCleanAudit(t *testing.T, folder string, orders int, where ...string) {
	t.Helper()
	r := run(t, folder, append([]string{"audit", "-o", "json"}, where...)...)
	var report auditReport
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatalf("audit: exit %d: %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	if r.code != exitOK || report.Findings != 0 || report.Orders != int64(orders) {
		t.Errorf("audit: exit %d, %+v, want %d orders and no findings\n%s", r.code, report, orders, r.stderr)
	}
}
