package api

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// door is a server whose clock stands still, and requests to it that come from anywhere.
type door struct {
	t      *testing.T
	engine *scripted
	server *Server
	clock  *handClock
	keys   *Keys
}

func newDoor(t *testing.T, o Options) *door {
	t.Helper()
	d := &door{t: t, engine: &scripted{}, clock: &handClock{}, keys: NewDemoKeys("xiaomi", "meizu")}
	o.Engine, o.Rulesets, o.Keys, o.clock = d.engine, d.engine, d.keys, d.clock.now
	d.server, _ = newServer(t, o)
	return d
}

func (d *door) send(from, credential, method, path string, header ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	body := ""
	if method == http.MethodPost && strings.HasSuffix(path, "/orders") {
		body = `{"sku":"mi2","quantity":1}`
	}
	r := httptest.NewRequestWithContext(d.t.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr = from
	r.Header = orderHeader(header...)
	if credential != "" {
		r.Header.Set("Authorization", "Bearer "+credential)
	}
	w := httptest.NewRecorder()
	d.server.Handler().ServeHTTP(w, r)
	return w
}

func (d *door) token(p core.Principal) string {
	d.t.Helper()
	token, err := d.keys.Sign(p, time.Hour)
	if err != nil {
		d.t.Fatal(err)
	}
	return token
}

// shopperNamed is a token of the shopper.
func (d *door) shopperNamed(id string) string {
	d.t.Helper()
	return d.token(core.Principal{ID: id, Role: core.RoleShopper})
}

// statuses sends the request n times and counts the answers by their status.
func (d *door) statuses(n int, from, credential, path string) map[int]int {
	d.t.Helper()
	counted := map[int]int{}
	for range n {
		counted[d.send(from, credential, http.MethodPost, path).Code]++
	}
	return counted
}

const (
	phoneOrders = "/v1/campaigns/phone/orders"
	carOrders   = "/v1/campaigns/car/orders"
)

// requireCounts requires the counts of answers, given as pairs of a status and how often.
func requireCounts(t *testing.T, what string, got map[int]int, want ...int) {
	t.Helper()
	expected := map[int]int{}
	for i := 0; i < len(want); i += 2 {
		expected[want[i]] = want[i+1]
	}
	if fmt.Sprint(got) != fmt.Sprint(expected) {
		t.Errorf("%s: answered %v, want %v", what, got, expected)
	}
}

func TestAShopperWhoAsksTooOftenIsTurnedAwayAloneAndOnlyForAWhile(t *testing.T) {
	d := newDoor(t, Options{Limits: Limits{Shopper: Limit{2, time.Second, 5}}})
	bob := d.shopperNamed("bob")
	requireCounts(t, "one shopper", d.statuses(8, "1.1.1.1:1", d.shopperNamed("ann"), phoneOrders), 201, 5, 429, 3)
	requireCounts(t, "the same from elsewhere", d.statuses(1, "[2001:db8::1]:9", d.shopperNamed("ann"), carOrders), 429, 1)
	requireCounts(t, "another shopper from the same address", d.statuses(1, "1.1.1.1:1", bob, phoneOrders), 201, 1)
	if d.engine.asked.calls != 6 {
		t.Errorf("the engine was asked %d times, about 6 requests that were let through", d.engine.asked.calls)
	}
	d.clock.at = int64(time.Second)
	requireCounts(t, "a second later", d.statuses(3, "1.1.1.1:1", d.shopperNamed("ann"), phoneOrders), 201, 2, 429, 1)
	if n := d.server.limits.shopper.refused.Load(); n != 5 {
		t.Errorf("%d refusals are counted", n)
	}
}

func TestTheRefusalSaysWhatToDo(t *testing.T) {
	d := newDoor(t, Options{Limits: Limits{Shopper: Limit{1, time.Minute, 2}}})
	ann := d.shopperNamed("ann")
	d.statuses(2, "1.1.1.1:1", ann, phoneOrders)
	d.clock.at = int64(1500 * time.Millisecond)
	w := d.send("1.1.1.1:1", ann, http.MethodPost, phoneOrders)
	for name, want := range map[string]string{
		"Retry-After": "59", "RateLimit-Policy": `"shopper";q=2;w=120`, "RateLimit": `"shopper";r=0;t=59`, "Content-Type": problemType,
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, part := range []string{`"code":"rate_limited"`, `"status":429`, "Retry-After", "请等待", "/problems/rate_limited"} {
		if !strings.Contains(w.Body.String(), part) {
			t.Errorf("%q is not in %s", part, w.Body)
		}
	}
}

func TestWhoRunsShortIsTold(t *testing.T) {
	d := newDoor(t, Options{Limits: Limits{Shopper: Limit{1, time.Second, 5}, Staff: Limit{1, time.Second, 5}}})
	ann := d.shopperNamed("ann")
	var told []string
	for range 5 {
		w := d.send("1.1.1.1:1", ann, http.MethodPost, phoneOrders)
		told = append(told, w.Header().Get("Ratelimit"))
		if policy := w.Header().Get("Ratelimit-Policy"); (policy != "") != (told[len(told)-1] != "") {
			t.Errorf("the policy is %q beside %q", policy, told[len(told)-1])
		}
	}
	want := []string{"", "", `"shopper";r=2;t=3`, `"shopper";r=1;t=4`, `"shopper";r=0;t=5`}
	if fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("told %q, want %q", told, want)
	}
	w := d.send("1.1.1.1:1", d.keys.Staff[0].Key, http.MethodGet, "/v1/campaigns")
	if got := w.Header().Get("Ratelimit"); w.Code != http.StatusOK || got != `"staff";r=4;t=1` {
		t.Errorf("staff: %d %q", w.Code, got)
	}
}

func TestAnAddressIsLimitedBeforeAnybodyIsAuthenticated(t *testing.T) {
	d := newDoor(t, Options{Limits: Limits{Address: Limit{1, time.Second, 3}}})
	requireCounts(t, "without credentials", d.statuses(5, "1.1.1.1:1", "", phoneOrders), 401, 3, 429, 2)
	requireCounts(t, "another port is the same", d.statuses(1, "1.1.1.1:2", d.shopperNamed("ann"), phoneOrders), 429, 1)
	requireCounts(t, "another address", d.statuses(1, "1.1.1.2:1", d.shopperNamed("ann"), phoneOrders), 201, 1)
	requireCounts(t, "a network of IPv6", d.statuses(4, "[2001:db8::1]:1", "", phoneOrders), 401, 3, 429, 1)
	requireCounts(t, "the same /64", d.statuses(1, "[2001:db8::ffff:2]:1", "", phoneOrders), 429, 1)
	requireCounts(t, "another /64", d.statuses(1, "[2001:db8:0:1::1]:1", "", phoneOrders), 401, 1)
	if w := d.send("1.1.1.1:1", "", http.MethodPost, phoneOrders, "X-Forwarded-For", "9.9.9.9"); w.Code != http.StatusTooManyRequests {
		t.Errorf("a header that anybody can write moved an address: %d", w.Code)
	}
}

func TestBehindAProxyItsClientsAreLimitedEach(t *testing.T) {
	var log bytes.Buffer
	o := Options{Limits: Limits{Address: Limit{1, time.Second, 1}}, Proxies: *proxies(t, "10.0.0.0/8"), Log: slog.New(slog.NewTextHandler(&log, nil))}
	d := newDoor(t, o)
	for i := range 5 {
		client := "9.9.9." + strconv.Itoa(i)
		if w := d.send("10.0.0.1:1", "", http.MethodPost, phoneOrders, "X-Forwarded-For", client); w.Code != http.StatusUnauthorized {
			t.Errorf("client %s: %d", client, w.Code)
		}
	}
	if w := d.send("10.0.0.1:1", "", http.MethodPost, phoneOrders, "X-Forwarded-For", "9.9.9.1"); w.Code != http.StatusTooManyRequests {
		t.Errorf("the client again: %d", w.Code)
	}
	if log.Len() > 0 {
		t.Errorf("a trusted proxy is reported: %s", &log)
	}
	for range 5 {
		d.send("8.8.8.8:1", "", http.MethodPost, phoneOrders, "X-Forwarded-For", "9.9.9.1")
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "--trusted-proxies") {
		t.Errorf("a proxy that may have been forgotten is reported %d times: %s", lines, &log)
	}
}

func TestOrdersOfACampaignAreLimitedBehindThoseOfAShopper(t *testing.T) {
	d := newDoor(t, Options{Limits: Limits{Shopper: Limit{1, time.Hour, 3}, Campaign: Limit{1, time.Second, 4}}})
	requireCounts(t, "nobody", d.statuses(9, "1.1.1.1:1", "", phoneOrders), 401, 9)
	requireCounts(t, "staff, who cannot order", d.statuses(9, "1.1.1.1:1", d.keys.Staff[0].Key, phoneOrders), 403, 9)
	requireCounts(t, "one shopper who insists", d.statuses(9, "1.1.1.1:1", d.shopperNamed("ann"), phoneOrders), 201, 3, 429, 6)
	requireCounts(t, "the last order of the second", d.statuses(1, "1.1.1.1:1", d.shopperNamed("bob"), phoneOrders), 201, 1)
	w := d.send("1.1.1.1:1", d.shopperNamed("cid"), http.MethodPost, phoneOrders)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Ratelimit") != `"campaign";r=0;t=1` {
		t.Errorf("one too many: %d %q", w.Code, w.Header().Get("Ratelimit"))
	}
	requireCounts(t, "another campaign", d.statuses(1, "1.1.1.1:1", d.shopperNamed("cid"), carOrders), 201, 1)
	if w := d.send("1.1.1.1:1", d.shopperNamed("dan"), http.MethodGet, "/v1/campaigns/phone"); w.Code != http.StatusOK {
		t.Errorf("what is no order: %d", w.Code)
	}
}

func TestACampaignsLimitCountsOrdersOfThoseWhoCanOrderThereOnly(t *testing.T) {
	d := newDoor(t, Options{Limits: Limits{Campaign: Limit{1, time.Hour, 2}}})
	elsewhere := d.token(core.Principal{ID: "bot", Role: core.RoleShopper, Brand: "meizu"})
	requireCounts(t, "shoppers of another brand", d.statuses(9, "1.1.1.1:1", elsewhere, phoneOrders), 201, 9) // the engine's to refuse
	requireCounts(t, "a campaign that is not there", d.statuses(9, "1.1.1.1:1", d.shopperNamed("ann"), "/v1/campaigns/none/orders"), 201, 9)
	requireCounts(t, "shoppers of the campaign", d.statuses(3, "1.1.1.1:1", d.shopperNamed("ann"), phoneOrders), 201, 2, 429, 1)
}

func TestTwoBrandsShoppersWithOneIDAreTwo(t *testing.T) {
	p := newLimiter(Limits{Shopper: Limit{1, time.Second, 1}}, &Proxies{}, slog.Default(), func() int64 { return 0 }).shopper
	a, b := &core.Principal{ID: "7", Brand: "xiaomi"}, &core.Principal{ID: "7", Brand: "meizu"}
	if p.personKey(a) == p.personKey(b) || p.personKey(a) != p.personKey(&core.Principal{ID: "7", Brand: "xiaomi", Credential: "k"}) {
		t.Error("a person is not who has the id in the brand")
	}
}

func TestEveryOperationDocumentsItsLimit(t *testing.T) {
	for path, item := range newDoor(t, Options{}).server.api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete, item.Patch} {
			if op == nil {
				continue
			}
			response := op.Responses["429"]
			if response == nil || !strings.Contains(response.Description, "rate_limited") || response.Headers["Retry-After"] == nil {
				t.Errorf("%s %s does not document 429", path, op.OperationID)
			}
		}
	}
}

// BenchmarkLimits is what limits cost an order, and what a request costs that a limit refuses.
func BenchmarkLimits(b *testing.B) {
	keys := NewDemoKeys()
	token, err := keys.Sign(alice, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	handler := func(limits Limits, always bool) http.Handler {
		s, err := New(Options{Engine: &scripted{}, Rulesets: &scripted{}, Readiness: &scripted{}, Keys: keys, Limits: limits})
		if err != nil {
			b.Fatal(err)
		}
		if always {
			s.limits.shopper.always = true
		}
		return s.Handler()
	}
	wide := Limit{Requests: 1_000_000, Per: time.Second, Burst: 1_000_000_000}
	narrow := Limit{Requests: 1, Per: time.Hour, Burst: 1}
	all := Limits{Shopper: wide, Address: wide, Campaign: wide}
	for _, one := range []struct {
		name   string
		limits Limits
		always bool
		want   int
	}{
		{"limits=off", Limits{}, false, http.StatusCreated},
		{"limits=all", all, false, http.StatusCreated},
		{"limits=all/announced", all, true, http.StatusCreated},
		{"refused=address", Limits{Address: narrow}, false, http.StatusTooManyRequests},
		{"refused=shopper", Limits{Shopper: narrow}, false, http.StatusTooManyRequests},
	} {
		b.Run(one.name, func(b *testing.B) {
			h := handler(one.limits, one.always)
			request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, phoneOrders, nil)
			request.Header.Set("Authorization", "Bearer "+token)
			h.ServeHTTP(httptest.NewRecorder(), request) // which takes the only token of a narrow limit
			serveMany(b, h, phoneOrders, benchOrder, token, one.want)
		})
	}
}
