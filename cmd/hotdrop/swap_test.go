package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hotdrop/api"
	"hotdrop/cmd/hotdrop/event"
	"hotdrop/core"
	"hotdrop/core/storetest"
)

// swapFile is a campaign that is on sale from the beginning of hotdrop to the end of the century, under ruleset 1.
const swapFile = `campaign: rush
brand: meizu
currency: CNY
title: Rush
phases: {sale: 2020-01-01T00:00:00Z, closed: 2100-01-01T00:00:00Z}
items:
  - {sku: mx3, title: MX3, price: 179900, stock: 1000000, limit: 1, hold: 24h}
guardrails: {min_price: 1, max_discount: 100000, discount_budget: 100000000000}
ruleset: %s
`

// swapBindings are those of ruleset k: a price from one rule and a discount from another, so that each ruleset gives a total of
// its own, and a decision of which one half was made by one and the other half by another gives the total of none.
func swapBindings(k int64) string {
	rule := `{"rule":{"hook":"quote","rule":"%s-%d","when":"quantity > 0","then":[{"%s":{"amount":"%d","label":"Swap"}}]}}`
	return "[" + fmt.Sprintf(rule, "swap-price", k, "price", 179_900-k*1000) + "," +
		fmt.Sprintf(rule, "swap-off", k, "discount", k*10) + "]"
}

// swapTotal is what an order costs under ruleset k.
func swapTotal(k int64) int64 { return 179_900 - k*1010 }

// swapRulesets is how many rulesets there are.
const swapRulesets = 5

// swapSale is a sale whose rulesets are swapped, on any number of servers.
type swapSale struct {
	t        *testing.T
	folder   string
	where    []string // flags of the database
	servers  []*server
	keys     *api.Keys
	operator string // key

	mu        sync.Mutex
	rulesets  []int64          // what became live, one swap after another; the last may not be committed yet
	committed int              // the last swap that was answered
	orders    map[string]int64 // the totals of acknowledged orders, by id
	stop      chan struct{}
	shoppers  sync.WaitGroup
}

// newSwapSale starts the servers, applies the campaign and adds its rulesets.
func newSwapSale(t *testing.T, servers int, where ...string) *swapSale {
	t.Helper()
	s := &swapSale{
		t: t, folder: t.TempDir(), where: where, rulesets: []int64{1}, orders: map[string]int64{}, stop: make(chan struct{}),
	}
	for range servers {
		s.servers = append(s.servers, serve(t, s.folder, append(where, "--demo")...))
	}
	s.keys = demoKeys(t, s.folder+"/data")
	s.operator = keyOf(s.keys, core.RoleOperator)
	file := writeFile(t, t.TempDir(), "rush.yaml", fmt.Sprintf(swapFile, swapBindings(1)))
	requireRun(t, s.folder, "campaign", "apply", "--reason", "a test", file, "--server", s.servers[0].url, "--key", s.operator)
	for k := int64(2); k <= swapRulesets; k++ {
		body := fmt.Sprintf(`{"bindings":%s,"reason":"variant"}`, swapBindings(k))
		s.must(s.servers[0], http.StatusCreated, http.MethodPost, "/rulesets", body)
	}
	return s
}

// must sends an operator's request that has to be answered with the status.
func (s *swapSale) must(at *server, status int, method, path, body string) answer {
	s.t.Helper()
	return request(s.t, status, method, at.url+"/v1/campaigns/rush"+path, s.operator, "", body)
}

// rolloutAnswer is what answers about a rollout have in common.
type rolloutAnswer struct {
	Rollout int64 `json:"rollout"`
	State   struct {
		Live int64 `json:"live"`
	} `json:"state"`
	Nodes []struct {
		Node       string     `json:"node"`
		FollowedAt *time.Time `json:"followed_at"`
	} `json:"nodes"`
}

func (s *swapSale) decode(a answer) (r rolloutAnswer) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(a.text), &r); err != nil {
		s.t.Fatalf("%v\n%s", err, a.text)
	}
	return r
}

// look returns the rollout that a server knows to be in force.
func (s *swapSale) look(at *server) rolloutAnswer {
	s.t.Helper()
	return s.decode(s.must(at, http.StatusOK, http.MethodGet, "/rollout", ""))
}

// next returns the body that makes the ruleset after the live one live, and takes note that it may be from now on.
func (s *swapSale) next(now rolloutAnswer, extra string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := now.State.Live%swapRulesets + 1
	s.rulesets = append(s.rulesets, to)
	return fmt.Sprintf(`{"mode":"live","ruleset":%d,"expect":%d,"reason":"swap"%s}`, to, now.Rollout, extra)
}

// swapped takes note that the last swap was committed.
func (s *swapSale) swapped(made rolloutAnswer) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.committed = len(s.rulesets) - 1
	if s.rulesets[s.committed] != made.State.Live {
		s.t.Errorf("ruleset %d is live after the swaps %v", made.State.Live, s.rulesets[max(0, s.committed-2):])
	}
}

// swap makes the next ruleset live.
func (s *swapSale) swap(at *server, extra string) rolloutAnswer {
	s.t.Helper()
	made := s.decode(s.must(at, http.StatusOK, http.MethodPost, "/rollout", s.next(s.look(at), extra)))
	s.swapped(made)
	return made
}

// resolve makes a swap when it is not known whether the one before was committed, as its node was killed, and returns the
// ruleset that was live before it: what was in force when the change was compared with it.
func (s *swapSale) resolve(at *server) (before int64) {
	s.t.Helper()
	for {
		now := s.look(at)
		a, err := call(s.t.Context(), http.MethodPost, at.url+"/v1/campaigns/rush/rollout", s.operator, "", s.next(now, ""))
		switch {
		case err != nil:
			s.t.Fatal(err)
		case a.status == http.StatusOK:
			s.swapped(s.decode(a))
			return now.State.Live
		case a.code() != string(core.CodePreconditionFailed):
			s.t.Fatalf("%d %s", a.status, a.text)
		}
	}
}

// undo goes back to the ruleset, which was live before.
func (s *swapSale) undo(at *server, to int64, extra string) rolloutAnswer {
	s.t.Helper()
	s.mu.Lock()
	s.rulesets = append(s.rulesets, to)
	s.mu.Unlock()
	made := s.decode(s.must(at, http.StatusOK, http.MethodPost, "/undo", `{"reason":"back"`+extra+`}`))
	s.swapped(made)
	return made
}

// sell has clients order on the servers until the sale is over.
func (s *swapSale) sell(clients int, servers ...*server) {
	for i := range clients {
		s.shoppers.Go(func() {
			client, err := event.NewClient(servers[i%len(servers)].url)
			if err != nil {
				s.t.Error(err)
				return
			}
			client.Patience = patience
			for n := 0; ; n++ {
				select {
				case <-s.stop:
					_ = client.Close() // its server may be gone
					return
				default:
				}
				if err := s.order(client, fmt.Sprintf("c%d-%d", i, n)); err != nil {
					s.t.Error(err)
					return
				}
			}
		})
	}
}

// order has a new shopper order, and requires the total of a ruleset that was live between the request and the answer.
func (s *swapSale) order(client *event.Client, shopper string) error {
	token, err := s.keys.Sign(core.Principal{ID: shopper, Role: core.RoleShopper}, time.Hour)
	if err != nil {
		return err
	}
	s.mu.Lock()
	since := s.committed
	s.mu.Unlock()
	response, _, err := client.Do(s.t.Context(), event.Request{
		Method: http.MethodPost, Path: "/v1/campaigns/rush/orders", Key: "k", Token: token, Body: []byte(orderBody),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", shopper, err)
	}
	var placed struct {
		ID    string `json:"id"`
		Total int64  `json:"total"`
	}
	if err := json.Unmarshal(response.Body, &placed); err != nil || response.Status != http.StatusCreated {
		return fmt.Errorf("%s: %d %s", shopper, response.Status, response.Body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders[placed.ID] = placed.Total
	for _, k := range s.rulesets[since:] {
		if placed.Total == swapTotal(k) {
			return nil
		}
	}
	return fmt.Errorf("%s: the total is %d, the rulesets since the request were %v", shopper, placed.Total, s.rulesets[since:])
}

// sold is how many orders were acknowledged.
func (s *swapSale) sold() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.orders)
}

// awaitSales waits until so many more orders were acknowledged.
func (s *swapSale) awaitSales(more int) {
	s.t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	timeout := time.After(patience)
	for want := s.sold() + more; s.sold() < want; {
		select {
		case <-ticker.C:
		case <-timeout:
			s.t.Fatalf("%d orders after %s, want %d", s.sold(), patience, want)
		}
		if s.t.Failed() {
			s.t.FailNow()
		}
	}
}

// end ends the sale and requires that every acknowledged order is there at its total, and that the books are clean: with no
// order that was decided under an earlier epoch than a swap before it.
func (s *swapSale) end(at *server) {
	s.t.Helper()
	close(s.stop)
	s.shoppers.Wait()
	if s.sold() == 0 {
		s.t.Error("nothing was sold")
	}
	for _, id := range slices.Sorted(maps.Keys(s.orders)) {
		a := request(s.t, http.StatusOK, http.MethodGet, at.url+"/v1/orders/"+id, s.operator, "", "")
		if a.body["total"] != float64(s.orders[id]) {
			s.t.Fatalf("order %s was acknowledged at %d: %s", id, s.orders[id], a.text)
		}
	}
	requireCleanAudit(s.t, s.folder, s.sold(), s.where...)
	var report struct {
		Stale *int64 `json:"stale_orders"`
	}
	out := requireRun(s.t, s.folder, append([]string{"audit", "-o", "json"}, s.where...)...)
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Stale == nil || *report.Stale != 0 {
		s.t.Errorf("%v\n%s", err, out)
	}
}

// requireFollowed requires that so many of the nodes had followed when the answer was given.
func (s *swapSale) requireFollowed(made rolloutAnswer, least int) {
	s.t.Helper()
	n := 0
	for _, node := range made.Nodes {
		if node.FollowedAt != nil {
			n++
		}
	}
	if n < least {
		s.t.Errorf("%d nodes have followed, want %d: %+v", n, least, made)
	}
}

// TestNodesThatAreCutOffFromNotifications ends every connection that listens, again and again, while the rulesets are swapped:
// nodes follow by polling, and until they have they sell nothing by what was before.
func TestNodesThatAreCutOffFromNotifications(t *testing.T) {
	database := storetest.PostgresURL(t)
	s := newSwapSale(t, 2, "--database-url", database)
	cutting, cut := make(chan struct{}), make(chan int64)
	go func() { cut <- cutListeners(t, database, cutting) }()
	s.sell(3, s.servers...)
	s.awaitSales(20)
	for i := range 12 {
		extra := ""
		if i%4 == 3 {
			extra = `,"wait":30000`
		}
		made := s.swap(s.servers[i%2], extra)
		s.orderAt(s.servers[(i+1)%2], fmt.Sprintf("unheard-%d", i))
		if extra != "" {
			s.requireFollowed(made, 2)
		}
	}
	close(cutting)
	if n := <-cut; n == 0 {
		t.Error("no connection listened")
	}
	s.end(s.servers[0])
}

// cutListeners ends connections that listen until it is to stop, and returns how many it has ended.
func cutListeners(t *testing.T, database string, until <-chan struct{}) (n int64) {
	connection, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer connection.Close(t.Context())
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		tag, err := connection.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "+
			"WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ILIKE 'listen %'")
		if err != nil {
			t.Error(err)
			return n
		}
		n += tag.RowsAffected()
		select {
		case <-until:
			return n
		case <-ticker.C:
		}
	}
}

// swapResult is what a replay with swaps has to get right.
type swapResult struct {
	Stale        *int `json:"stale_orders"` // it has to be there
	Swaps        int  `json:"swaps"`
	StaleAnswers int  `json:"stale_answers"`
	Mixed        int  `json:"mixed_prices"`
	NotFollowed  int  `json:"swaps_not_followed"`
	Sold         int  `json:"sold"`
	Lost         int  `json:"lost"`
}

// TestTheReplayedSaleBalancesUnderSwaps replays a small sale whose rulesets are swapped while it sells.
func TestTheReplayedSaleBalancesUnderSwaps(t *testing.T) {
	for name, where := range map[string]func(t *testing.T) []string{
		"on SQLite": func(*testing.T) []string { return nil },
		"on Postgres, with three servers": func(t *testing.T) []string {
			return []string{"--database-url", storetest.PostgresURL(t), "--nodes", "3"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait for the next second
			args := append([]string{"event", "run", "phone", "-o", "json", "--swaps", "20", "--shoppers", "2000",
				"--reservations", "2400", "--units", "1200", "--connections", "24"}, where(t)...)
			out := requireRun(t, t.TempDir(), args...)
			var got swapResult
			if err := json.Unmarshal([]byte(out), &got); err != nil || got.Stale == nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if want := (swapResult{Stale: got.Stale, Swaps: 20, Sold: 1200}); got != want || *got.Stale != 0 {
				t.Errorf("the result is\n%s", out)
			}
		})
	}
}
