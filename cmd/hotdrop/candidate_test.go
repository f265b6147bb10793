package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/core/storetest"
)

// shopper returns the token of a shopper.
func (s *swapSale) shopper(id string) string {
	s.t.Helper()
	token, err := s.keys.Sign(core.Principal{ID: id, Role: core.RoleShopper}, time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// shop sends a shopper's request that has to be answered with the status.
func (s *swapSale) shop(at *server, status int, shopper, path, body string) answer {
	s.t.Helper()
	return request(s.t, status, http.MethodPost, at.url+"/v1"+path, s.shopper(shopper), shopper+path+body, body)
}

// buy has a shopper order, who is shown the price first.
func (s *swapSale) buy(at *server, shopper string) (order string, total int64) {
	s.t.Helper()
	shown, _ := s.shop(at, http.StatusOK, shopper, "/campaigns/rush/quotes", orderBody).body["total"].(float64)
	placed := s.shop(at, http.StatusCreated, shopper, "/campaigns/rush/orders", fmt.Sprintf(`{"sku":"mx3","quantity":1,"expect_total":%.0f}`, shown))
	return placed.str("id"), int64(shown)
}

// change makes a change of the rollout that is in force.
func (s *swapSale) change(at *server, status int, body string) answer {
	s.t.Helper()
	return s.must(at, status, http.MethodPost, "/rollout", fmt.Sprintf(`{"expect":%d,"reason":"because","wait":30000,%s}`, s.look(at).Rollout, body))
}

// report reads a report on the rollout until there is in it what was done.
func report[R any](s *swapSale, at *server, path string, complete func(*R) bool) (read R) {
	s.t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for over := time.Now().Add(patience); ; <-ticker.C {
		a, last := s.must(at, http.StatusOK, http.MethodGet, path, ""), new(R)
		if err := json.Unmarshal([]byte(a.text), last); err != nil {
			s.t.Fatalf("%v\n%s", err, a.text)
		}
		if complete(last) {
			return *last
		}
		if time.Now().After(over) {
			s.t.Fatalf("after %s the report is\n%s", patience, a.text)
		}
	}
}

func TestACandidateIsComparedWithTheLiveRulesetBeforeItDecides(t *testing.T) {
	s := newSwapSale(t, 1)
	at := s.servers[0]
	for i := range 5 {
		s.buy(at, fmt.Sprintf("early-%d", i))
	}
	s.backtests(at, 5)
	s.shadows(at, 4)
	s.tries(at, 40)
}

// backtests has the orders so far, which ruleset 1 decided, decided by another one: a stored one, and one in a file.
func (s *swapSale) backtests(at *server, orders int64) {
	s.t.Helper()
	file := writeFile(s.t, s.t.TempDir(), "v3.yaml", "ruleset: "+swapBindings(3)+"\n")
	for flag, want := range map[string]struct {
		value        string
		ruleset, off int64
	}{
		"--ruleset": {"v2", 2, swapTotal(1) - swapTotal(2)},
		"--file":    {file, 0, swapTotal(1) - swapTotal(3)},
	} {
		args := []string{"backtest", "rush", flag, want.value, "--server", at.url, "--key", s.operator, "-o", "json"}
		text := requireRun(s.t, s.folder, args...)
		var c api.Comparison
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			s.t.Fatal(err)
		}
		if c.Ruleset != want.ruleset || c.Decisions != orders || c.Winners != orders || c.Won != orders*want.off || c.Losers != 0 {
			s.t.Errorf("%s %s:\n%s", flag, want.value, text)
		}
		if again := requireRun(s.t, s.folder, args...); again != text {
			s.t.Errorf("the second time it is\n%s\nthe first time it was\n%s", again, text)
		}
	}
}

// shadows has ruleset 2 be compared with ruleset 1 on orders to come.
func (s *swapSale) shadows(at *server, orders int) {
	s.t.Helper()
	s.change(at, http.StatusOK, `"mode":"shadow","ruleset":2`)
	placed := map[string]bool{}
	for i := range orders {
		id, total := s.buy(at, fmt.Sprintf("shadowed-%d", i))
		if placed[id] = true; total != swapTotal(1) {
			s.t.Errorf("beside a shadow an order costs %d", total)
		}
	}
	c := report(s, at, "/rollout/shadow", func(c *api.Comparison) bool { return c.Decisions >= int64(orders) })
	off := swapTotal(1) - swapTotal(2)
	if c.Decisions != int64(orders) || c.Differing != c.Decisions || c.Winners != c.Decisions || c.Won != c.Decisions*off || c.Dropped != 0 {
		s.t.Errorf("%+v", c)
	}
	for i := range c.Cases {
		differs := &c.Cases[i]
		if !placed[differs.Order] || differs.Difference != off {
			s.t.Errorf("%+v", differs)
		}
		delete(placed, differs.Order)
		s.explains(&differs.Live, 1)
		s.explains(&differs.Candidate, 2)
	}
	if len(placed) != 0 {
		s.t.Errorf("no case is about %v", placed)
	}
}

// explains requires that one side of a case was decided by the ruleset, and says by which of its rules.
func (s *swapSale) explains(side *api.ComparedDecision, ruleset int64) {
	s.t.Helper()
	e := side.Explanation
	if side.Ruleset != ruleset || side.Total != swapTotal(ruleset) || e == nil || e.Total != side.Total || len(e.Bindings) != 2 ||
		e.Bindings[0].Mechanic != fmt.Sprintf("swap-price-%d", ruleset) {
		s.t.Errorf("ruleset %d: %+v", ruleset, side)
	}
}

// tries has ruleset 2 decide for half of the shoppers.
func (s *swapSale) tries(at *server, shoppers int) {
	s.t.Helper()
	s.change(at, http.StatusOK, `"mode":"canary","ruleset":2,"percent":50`)
	sold := map[int64]int64{}
	for i := range shoppers {
		_, total := s.buy(at, fmt.Sprintf("tried-%d", i))
		sold[total]++
	}
	s.pay(at, "tried-0")
	all := int64(shoppers)
	c := report(s, at, "/rollout/canary", func(c *api.CanaryReport) bool {
		return c.Live.Orders+c.Canary.Orders >= all && c.Live.Paid+c.Canary.Paid >= 1
	})
	live, canary := sold[swapTotal(1)], sold[swapTotal(2)]
	if live == 0 || canary == 0 || live+canary != all || c.Live.Orders != live || c.Canary.Orders != canary || c.Live.Paid+c.Canary.Paid != 1 {
		s.t.Errorf("sold %v: %+v", sold, c)
	}
	for name, arm := range map[string]*core.CanaryArm{"live": &c.Live, "canary": &c.Canary} {
		e := arm.Conversion
		if e == nil || e.Value != 1 || e.Low >= 1 || e.Low <= 0 || e.High != 1 || arm.PerOrder.Value != float64(swapTotal(arm.Ruleset)) {
			s.t.Errorf("%s: %+v, %+v", name, e, arm.PerOrder)
		}
	}
	if d := c.Differences.PerOrder; d == nil || d.Value != float64(swapTotal(2)-swapTotal(1)) || d.High >= 0 {
		s.t.Errorf("an order of the canary costs %+v more", d)
	}
	if d := c.Differences.Conversion; d == nil || d.Value != 0 || d.Low >= 0 || d.High <= 0 {
		s.t.Errorf("of the canary's requests %+v more became orders", d)
	}
}

// pay has a shopper pay the only order there is.
func (s *swapSale) pay(at *server, shopper string) answer {
	s.t.Helper()
	var mine api.Page[api.Order]
	a := request(s.t, http.StatusOK, http.MethodGet, at.url+"/v1/orders", s.shopper(shopper), "", "")
	if err := json.Unmarshal([]byte(a.text), &mine); err != nil || len(mine.Data) == 0 {
		s.t.Fatalf("%v\n%s", err, a.text)
	}
	s.shop(at, http.StatusCreated, shopper, "/wallet/topups", fmt.Sprintf(`{"currency":"CNY","amount":%d}`, mine.Data[0].Total))
	return s.shop(at, http.StatusOK, shopper, "/orders/"+mine.Data[0].ID+"/pay", "")
}

func TestAnOrderIsReplacedByWhatItsShopperIsOffered(t *testing.T) {
	s := newSwapSale(t, 1)
	at := s.servers[0]
	order, _ := s.buy(at, "ann")
	read := func(token string) (o api.Order) {
		a := request(t, http.StatusOK, http.MethodGet, at.url+"/v1/orders/"+order, token, "", "")
		if err := json.Unmarshal([]byte(a.text), &o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := read(s.shopper("ann")); o.Offer != nil {
		t.Errorf("before a swap the offer is %+v", o.Offer)
	}
	s.change(at, http.StatusOK, `"mode":"live","ruleset":2,"holds":"offer"`)
	o := read(s.shopper("ann"))
	if o.Total != swapTotal(1) || o.Offer == nil || o.Offer.Total != swapTotal(2) || o.Offer.Ruleset != 2 {
		t.Errorf("%+v, the offer %+v", o, o.Offer)
	}
	if o := read(s.operator); o.Offer != nil {
		t.Errorf("staff see the offer %+v", o.Offer)
	}
	body := fmt.Sprintf(`{"sku":"mx3","quantity":1,"expect_total":%d`, swapTotal(2))
	if got := s.shop(at, http.StatusConflict, "ann", "/campaigns/rush/orders", body+"}").code(); got != string(core.CodeLimitReached) {
		t.Errorf("a second order is answered with %s", got)
	}
	with := body + `,"replaces":"` + order + `"}`
	s.shop(at, http.StatusNotFound, "eve", "/campaigns/rush/orders", with)
	placed := s.shop(at, http.StatusCreated, "ann", "/campaigns/rush/orders", with)
	if again := s.shop(at, http.StatusCreated, "ann", "/campaigns/rush/orders", with); again.str("id") != placed.str("id") {
		t.Errorf("sent again it is %s", again.text)
	}
	if o := read(s.shopper("ann")); o.State != core.OrderCancelled || o.Offer != nil {
		t.Errorf("the order that was replaced is %s", o.State)
	}
	if paid := s.pay(at, "ann"); paid.str("id") != placed.str("id") || paid.body["total"] != float64(swapTotal(2)) {
		t.Errorf("paid was %s", paid.text)
	}
	requireCleanAudit(t, s.folder, 2)
}

func TestAPriceThatMovesTooFarWaitsForASecondOperator(t *testing.T) {
	s := newSwapSale(t, 1)
	at := s.servers[0]
	file := writeFile(t, t.TempDir(), "rush.yaml", fmt.Sprintf(swapFile, swapBindings(1))+"guards: {max_price_change: 100}\n")
	requireRun(t, s.folder, "campaign", "apply", file, "--server", at.url, "--key", s.operator, "--reason", "no more than one in a hundred")
	asked := s.change(at, http.StatusOK, `"mode":"live","ruleset":5`)
	state := report(s, at, "/rollout", func(*api.RolloutState) bool { return true })
	if p := state.State.Pending; state.State.Live != 1 || p == nil || p.Approval == "" || p.By != "demo-operator" {
		t.Fatalf("the change was answered with\n%s", asked.text)
	}
	if _, total := s.buy(at, "meanwhile"); total != swapTotal(1) {
		t.Errorf("meanwhile an order costs %d", total)
	}
	approval := fmt.Sprintf(`{"expect":%d,"reason":"as agreed","wait":30000}`, state.Rollout)
	if got := s.must(at, http.StatusConflict, http.MethodPost, "/approvals", approval).code(); got != string(core.CodeApprovalRequired) {
		t.Errorf("who asked for it approves it: %s", got)
	}
	second := brandKey(t, s.keys, "meizu")
	made := s.decode(request(t, http.StatusOK, http.MethodPost, at.url+"/v1/campaigns/rush/approvals", second, "", approval))
	s.requireFollowed(made, 1)
	if _, total := s.buy(at, "approved"); total != swapTotal(5) || made.State.Live != 5 {
		t.Errorf("ruleset %d is live, an order costs %d", made.State.Live, total)
	}
	if got := request(t, http.StatusConflict, http.MethodPost, at.url+"/v1/campaigns/rush/approvals", second, "", approval).code(); got != string(core.CodeWrongState) {
		t.Errorf("approved twice: %s", got)
	}
}

func TestNobodySignsUpWhileReservationsAreStopped(t *testing.T) {
	s := newSwapSale(t, 1)
	at, signUps := s.servers[0], "/campaigns/trade-in/reservations"
	stop := func(level string) {
		t.Helper()
		body := `{"level":"` + level + `","reason":"too many","wait":30000}`
		s.requireFollowed(s.decode(request(t, http.StatusOK, http.MethodPost, at.url+"/v1/campaigns/trade-in/stop", s.operator, "", body)), 1)
	}
	s.shop(at, http.StatusCreated, "ann", signUps, "")
	stop("reservations")
	if got := s.shop(at, http.StatusConflict, "bob", signUps, "").code(); got != string(core.CodeStopped) {
		t.Errorf("while they are stopped a sign-up is answered with %s", got)
	}
	stop("none")
	s.shop(at, http.StatusCreated, "bob", signUps, "")
}

// errSeenEnough ends a stream that is still going on.
var errSeenEnough = errors.New("seen enough")

// TestAnotherNodeGoesOnWithALiveStream reads the live stream of one node until it shows an order that was placed on another,
// ends that node, and reads on at the other: from where the first one stopped, and once more from the beginning.
func TestAnotherNodeGoesOnWithALiveStream(t *testing.T) {
	s := newSwapSale(t, 2, "--database-url", storetest.PostgresURL(t))
	first, second := s.servers[0], s.servers[1]
	began := time.Now().Unix()
	s.buy(second, "ann")
	seen := s.watch(first, began-1, func(points []core.LivePoint) bool { return ordersOf(points) == 1 })
	last := seen[len(seen)-1]
	first.kill(t)
	s.buy(second, "bob")
	after := s.watch(second, last.Second, func(points []core.LivePoint) bool { return ordersOf(points) == 1 })
	if after[0].Second != last.Second+1 {
		t.Errorf("behind second %d comes %d", last.Second, after[0].Second)
	}
	want := slices.Concat(seen, after)
	all := s.watch(second, seen[0].Second-1, func(points []core.LivePoint) bool { return len(points) == len(want) })
	for i := range all {
		if all[i].Second != seen[0].Second+int64(i) || all[i].Orders != want[i].Orders {
			t.Errorf("point %d is second %d with %d orders, before it was second %d with %d",
				i, all[i].Second, all[i].Orders, want[i].Second, want[i].Orders)
		}
	}
}

// watch reads the live stream of a node behind a second (Unix seconds) until there is enough. A second that is sent again, as
// more has become known of it, takes the place of what was sent.
func (s *swapSale) watch(at *server, after int64, enough func([]core.LivePoint) bool) (points []core.LivePoint) {
	s.t.Helper()
	stream := &eventStream{
		client: &client{server: at.url, key: s.operator}, path: rolloutPath("rush", "live"), last: strconv.FormatInt(after, 10),
	}
	err := stream.read(s.t.Context(), func(data []byte) error {
		var p core.LivePoint
		if err := json.Unmarshal(data, &p); err != nil {
			return err
		}
		if n := len(points); p.Corrected && n > 0 && p.Second <= points[n-1].Second {
			points[n-1-int(points[n-1].Second-p.Second)] = p
		} else {
			points = append(points, p)
		}
		if enough(points) {
			return errSeenEnough
		}
		return nil
	})
	if !errors.Is(err, errSeenEnough) {
		s.t.Fatalf("after %d points: %v", len(points), err)
	}
	return points
}

// ordersOf is how many orders were placed in these seconds.
func ordersOf(points []core.LivePoint) (n int64) {
	for i := range points {
		n += points[i].Orders
	}
	return n
}
