package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hotdrop/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is an engine whose answers a test writes down; a call nobody expects fails the way a defect does.
type scripted struct {
	err      error
	replayed bool
	panics   bool
	order    *core.Order       // what staff and shoppers get, nil: sampleOrder
	group    *core.QuotedGroup // of quotes
	draws    map[string]core.DrawTerms
	queue    *core.QueuePlace // nil: waitingPlace
	waits    bool             // the campaign has a waiting room
	rollout  *core.Rollout    // in force, nil: sampleRollout
	refused  error            // of what changes a rollout
	followed error            // of waiting for the nodes
	second   chan struct{}    // closed when a stream may go on to its second point; nil: at once
	hangs    chan struct{}    // closed when a stream has sent its points, which then goes on; nil: it ends
	corrects bool             // a stream corrects its first point in the end
	asked    questions
}

// questions is what an engine was asked: how often, and the last request of each kind.
type questions struct {
	calls   int
	request core.OrderRequest
	hook    core.HookRequest
	action  core.OrderAction
	topUp   core.TopUp
	applied core.ApplyRequest
	staff   core.StaffAction
	who     core.Principal
	text    string // the share, the code, the draw, the group or the message
	list    string // the query of a list
	events  []core.SocialEvent
	swap    any    // the last change of a rollout
	waited  string // for which nodes, how long
}

func (e *scripted) call() error {
	e.asked.calls++
	if e.panics {
		panic("the engine broke")
	}
	return e.err
}

func (e *scripted) Reserve(_ context.Context, _ string, _ core.Principal, share string) (core.Reservation, bool, error) {
	e.asked.text = share
	return core.Reservation{Shopper: "alice", At: 1356062400123, Position: 7}, !e.replayed, e.call()
}

func (e *scripted) Quote(_ context.Context, r core.OrderRequest) (*core.Quote, error) {
	e.asked.request = r
	return &core.Quote{Campaign: r.Campaign, Currency: "CNY", Total: 1, List: 2, Left: 3, Group: e.group}, e.call()
}

func (e *scripted) Place(_ context.Context, r core.OrderRequest) (*core.Order, bool, error) {
	e.asked.request = r
	o := sampleOrder()
	o.Lines[0].SKU, o.Lines[0].Units = r.SKU, r.Quantity
	return o, e.replayed, e.call()
}

func (e *scripted) Order(context.Context, string, string) (*core.Order, error) {
	return cmp.Or(e.order, sampleOrder()), e.call()
}

func (e *scripted) Orders(_ context.Context, _, cursor string, limit int) (core.Page[*core.Order], error) {
	e.asked.request.Key, e.asked.request.Quantity = cursor, int64(limit)
	return core.Page[*core.Order]{Data: []*core.Order{sampleOrder()}, Next: "more"}, e.call()
}

func (e *scripted) Pay(_ context.Context, a core.OrderAction) (*core.Order, error) {
	e.asked.action = a
	return sampleOrder(), e.call()
}

func (e *scripted) Cancel(_ context.Context, a core.OrderAction) (*core.Order, error) {
	e.asked.action = a
	return sampleOrder(), e.call()
}

func (e *scripted) Wallet(context.Context, string) (map[string]int64, error) { return nil, e.call() }

func (e *scripted) TopUp(_ context.Context, t core.TopUp) (int64, error) {
	e.asked.topUp = t
	return t.Amount, e.call()
}

func (e *scripted) Campaigns(context.Context) ([]*core.CampaignView, error) {
	v, err := e.Campaign(context.Background(), "phone")
	return []*core.CampaignView{v}, err
}

func (e *scripted) Campaign(context.Context, string) (*core.CampaignView, error) {
	v := sampleCampaign()
	v.Record.Definition.Draws = e.draws
	if e.waits {
		v.Record.Definition.WaitingRoom.PerMinute = 10_000
	}
	return v, e.call()
}

// Sells knows the two campaigns of limits' tests, both of xiaomi.
func (*scripted) Sells(campaign string, shopper *core.Principal) bool {
	return (campaign == "phone" || campaign == "car") && (shopper.Brand == "" || shopper.Brand == "xiaomi")
}

func (e *scripted) Record(context.Context, string) (*core.CampaignRecord, error) {
	return sampleCampaign().Record, e.call()
}

func (e *scripted) ApplyCampaign(_ context.Context, r core.ApplyRequest) (*core.CampaignRecord, error) {
	e.asked.applied = r
	return &core.CampaignRecord{Definition: r.Definition, Revision: 4, Ruleset: core.Ruleset{Number: 2}}, e.call()
}

func (e *scripted) Ruleset(context.Context, core.CampaignKey, int64) (*core.Ruleset, error) {
	return &core.Ruleset{Number: 2, CreatedBy: "op"}, e.call()
}

func (e *scripted) Ready(context.Context) error { return e.err }

const (
	sampleOrderID = "phone.06fmxw9z3k8q7v5t2s1r0p4n6m"
	sampleCode    = "phone.0123456789abcdefghjkmnpqrs"
)

func sampleOrder() *core.Order {
	return &core.Order{
		ID: sampleOrderID, Campaign: "phone", State: core.OrderPlaced, Currency: "CNY", Total: 199900,
		Lines: []core.Line{{
			SKU: "mi2", Units: 1, UnitPrice: 200000, Discount: 100, Amount: 199900,
			Labels: []core.Text{{EN: "A <b>\"label\"</b> & more"}, {EN: "Trade-in", ZH: "折抵"}, {ZH: "只有中文\u2028"}},
		}},
		Dues: []core.Due{{Kind: "full", Amount: 199900, DueAt: 1356063300000, State: core.DueOpen}},
		Conditions: []core.Condition{
			{Kind: "trade_in", Data: json.RawMessage(`{"brand":"Xiaomi"}`), State: "open"}, {Kind: "group", State: "met"},
		},
		PlacedAt: 1356062400120, HoldUntil: 1356063300000,
	}
}

func sampleCampaign() *core.CampaignView {
	sale := time.Date(2012, 12, 21, 12, 0, 0, 0, time.FixedZone("", 8*3600))
	return &core.CampaignView{
		Phase: core.PhaseSale, Now: sale.Add(time.Minute), Left: map[string]int64{"mi2": 41}, Reserved: 1300000,
		Record: &core.CampaignRecord{Revision: 3, Rollout: *sampleRollout(), Rulesets: 2, Definition: &core.Campaign{
			ID: "phone", Brand: "xiaomi", Currency: "CNY", Title: core.Text{EN: "Doomsday"},
			Phases: core.Phases{
				Teaser: sale.Add(-96 * time.Hour), Reservation: sale.Add(-50 * time.Hour), Sale: sale, Closed: sale.Add(24 * time.Hour),
			},
			Items: []core.Item{{
				SKU: "mi2", Title: core.Text{EN: "Mi 2"}, Price: 199900, Stock: 50000, Limit: 1, Hold: core.Duration(15 * time.Minute),
			}},
			Inputs: map[string]core.Input{"colour": {Field: core.Field{Type: "string", Max: 10}}},
		}},
	}
}

// client talks to a server under test.
type client struct {
	t     testing.TB
	url   string
	token string
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   string
}

func newServer(tb testing.TB, o Options) (*Server, *client) {
	tb.Helper()
	if o.Keys == nil {
		o.Keys = NewDemoKeys("xiaomi", "meizu")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	tb.Cleanup(server.Close)
	return s, &client{t: tb, url: server.URL}
}

// newScripted serves a scripted engine.
func newScripted(t *testing.T, demo bool) (*scripted, *Server, *client) {
	t.Helper()
	engine := &scripted{}
	s, c := newServer(t, Options{Engine: engine, Rulesets: engine, Readiness: engine, Plugins: engine, Rules: inlineRules{}, Demo: demo})
	return engine, s, c
}

// as returns a client that is the principal.
func (c *client) as(s *Server, p core.Principal) *client {
	c.t.Helper()
	token, err := s.keys.Sign(p, time.Hour)
	if err != nil {
		c.t.Fatal(err)
	}
	return &client{t: c.t, url: c.url, token: token}
}

// withKey returns a client with the staff key of the id.
func (c *client) withKey(s *Server, id string) *client {
	c.t.Helper()
	for _, key := range s.keys.Staff {
		if key.ID == id {
			return &client{t: c.t, url: c.url, token: key.Key}
		}
	}
	c.t.Fatalf("there is no staff key %s", id)
	return nil
}

var alice = core.Principal{
	ID: "alice", Role: core.RoleShopper, Tier: "gold", Tags: []string{"fan", "beta"}, Region: "CN-GD", RegisteredAt: 1300000000000,
}

// do sends a request; a body is JSON unless a header says otherwise. Headers come in pairs.
func (c *client) do(method, path, body string, headers ...string) answer {
	c.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, reader)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", jsonType)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			request.Header.Del(headers[i])
		}
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(data)}
}

// order places an order in the campaign phone.
func (c *client) order(body, key string) answer {
	c.t.Helper()
	return c.do(http.MethodPost, "/v1/campaigns/phone/orders", body, "Idempotency-Key", key)
}

func (c *client) topUp(body, key string) answer {
	c.t.Helper()
	return c.do(http.MethodPost, "/v1/wallet/topups", body, "Idempotency-Key", key)
}

// apply sends a campaign file in YAML.
func (c *client) apply(campaign, file string) answer {
	c.t.Helper()
	return c.do(http.MethodPut, "/v1/campaigns/"+campaign, file, "Content-Type", yamlType)
}

// value decodes the body.
func (a answer) value(t *testing.T) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(a.body)))
	decoder.UseNumber()
	var v map[string]any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("the body is not an object: %v\n%s", err, a.body)
	}
	return v
}

// problem checks that the answer is a problem with the code, in the form of every problem, and returns it.
func (a answer) problem(t *testing.T, code core.Code) map[string]any {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != problemType {
		t.Fatalf("Content-Type = %q, want %q (status %d)\n%s", got, problemType, a.status, a.body)
	}
	v := a.value(t)
	if v["code"] != string(code) || a.status != statusOf(code) || v["status"] != json.Number(jsonInt(a.status)) {
		t.Fatalf("got status %d, %s; want %s", a.status, a.body, code)
	}
	if v["type"] != "/problems/"+string(code) || v["title"] != known[code].title.EN {
		t.Errorf("type and title do not belong to %s: %s", code, a.body)
	}
	return v
}

func jsonInt(n int) string {
	data, _ := json.Marshal(n)
	return string(data)
}

func (a answer) wants(t *testing.T, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d\n%s", a.status, status, a.body)
	}
	return a
}

// promotedOrder is an order with everything that mechanics can add to one.
func promotedOrder() *core.Order {
	o := sampleOrder()
	o.Shopper = "alice"
	o.Claims = []core.Claim{
		{Kind: core.ClaimOnce, Key: "other"}, {Kind: core.ClaimVoucher, Key: sampleCode}, {Kind: core.ClaimGroup, Key: "phone.g"},
	}
	o.Shipment = &core.Shipment{Carrier: "SF <Express>", Tracking: "1", ShippedAt: 1356062400000}
	o.Dues = append(o.Dues, core.Due{Kind: core.DueDifference, Amount: 5, DueAt: 1356063300000, State: core.DueForfeited})
	o.Conditions = append(o.Conditions, core.Condition{Kind: "group", Data: json.RawMessage(`{"group":"phone.g"}`), State: core.ConditionWaived})
	return o
}
