package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/core/sqlite"
)

// backtestServer answers every request with the status and the text, and remembers the last one's path and body.
func backtestServer(t *testing.T, status int, text string) (url string, asked *string) {
	t.Helper()
	asked = new(string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*asked = r.Method + " " + r.URL.Path + " " + string(body)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// backtested is an answer with everything that is printed.
func backtested(t *testing.T) string {
	t.Helper()
	at := time.Date(2012, 12, 21, 4, 0, 0, 0, time.UTC)
	until := at.Add(time.Minute)
	binding := api.ExplainedBinding{Mechanic: "flash", Outcome: "applied", Effects: []json.RawMessage{json.RawMessage(`{"price":{"amount":90000}}`)}}
	text, err := json.Marshal(&api.Comparison{
		Campaign: "phone", Currency: "CNY", Ruleset: 3, From: &at, Until: &until, Decisions: 100_000, Refusals: 120, Dropped: 1, Unread: 2,
		Cut: true, Failure: "a node lacks a plugin", Recorded: []core.ComparedRuleset{{Ruleset: 1, Decisions: 60_000}, {Ruleset: 2, Decisions: 40_000}},
		Differing: 3, Both: 99_000, NewlyDenied: 1, Winners: 2, Won: 20_000,
		Live:      core.ComparedSide{Orders: 99_880, Denied: 120, Money: 9_900_000_000, PerOrder: 100_000, Discount: 5_000},
		Candidate: core.ComparedSide{Orders: 99_879, Denied: 121, Errors: 1, Money: 9_899_980_000, PerOrder: 99_999, Discount: 25_000, FuelP50: 1200, FuelP99: 3400},
		Cases: []api.ComparedCase{
			{
				Kind: core.CasePrice, Order: "phone.a", At: at, Difference: 10_000,
				Live: api.ComparedDecision{Ruleset: 2, Total: 100_000, Unexplained: "this node cannot decide it again"},
				Candidate: api.ComparedDecision{Ruleset: 3, Total: 90_000, Explanation: &api.Explanation{
					Bindings: []api.ExplainedBinding{{Mechanic: "gold", Outcome: "no_match"}, binding},
				}},
			},
			{
				Kind: core.CaseNewlyAllowed, At: at, Live: api.ComparedDecision{Code: core.CodeDenied, Reason: "late"},
				Candidate: api.ComparedDecision{Code: core.CodeMechanicFailed},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const backtestText = `phone: v3 on 100,000 decisions (60,000 by v1, 40,000 by v2), 120 of them recorded refusals
made from 2012-12-21T04:00:00Z to 2012-12-21T04:01:00Z
there are more: raise --limit, or go on with --from
not compared: 3, of which 2 cannot be read
a node lacks a plugin

`

func TestABacktestIsReadInTheTerminal(t *testing.T) {
	url, asked := backtestServer(t, http.StatusOK, backtested(t))
	r := run(t, t.TempDir(), "backtest", "phone", "--ruleset", "v3", "--limit", "100000", "--server", url, "--key", "k")
	if r.code != exitOK || r.stderr != "" || !strings.HasPrefix(r.stdout, backtestText) {
		t.Errorf("exit %d: %s\n%s", r.code, r.stderr, r.stdout)
	}
	for _, line := range []string{
		"orders 99,880 99,879", "fuel, 99th percentile 0 3,400", "with an error 0 1",
		"3 differ: 2 pay 200.00 CNY less, 0 pay 0.00 CNY more, 1 newly denied, 0 newly allowed, 0 on other terms",
		"phone.a (price): 1000.00 CNY, candidate 900.00 CNY", "this node cannot decide it again",
		`candidate 2. flash: applied {"price":{"amount":90000}}`,
		"refused at 2012-12-21T04:00:00Z (newly allowed): denied (late), candidate mechanic_failed",
	} {
		if !strings.Contains(strings.Join(strings.Fields(r.stdout), " "), line) {
			t.Errorf("%q is not in\n%s", line, r.stdout)
		}
	}
	if strings.Contains(r.stdout, "gold") {
		t.Error("a mechanic without a part is shown")
	}
	if *asked != `POST /v1/campaigns/phone/backtests {"limit":100000,"ruleset":3}` {
		t.Errorf("asked %s", *asked)
	}
	as := run(t, t.TempDir(), "backtest", "phone", "--ruleset", "3", "--server", url, "--key", "k", "-o", "json")
	if as.code != exitOK || !json.Valid([]byte(as.stdout)) || !strings.Contains(as.stdout, `"newly_denied"`) {
		t.Errorf("as JSON: exit %d\n%s", as.code, as.stdout)
	}
}

func TestABacktestOfAFileSendsItsRulesetAndTellsItsProblemsByTheirPlace(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "cheaper.yaml")
	const text = "stacking: {sale: best}\nruleset:\n  - {mechanic: seckill, group: sale}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	url, asked := backtestServer(t, http.StatusOK, backtested(t))
	r := run(t, folder, "backtest", "phone", "--file", file, "--from", "2012-12-21T12:00:00+08:00", "--server", url, "--key", "k")
	const want = `POST /v1/campaigns/phone/backtests {"bindings":[{"mechanic":"seckill","group":"sale"}],"from":"2012-12-21T12:00:00+08:00","stacking":{"sale":"best"}}`
	if r.code != exitOK || *asked != want {
		t.Errorf("exit %d: %s\nasked %s", r.code, r.stderr, *asked)
	}
	url, _ = backtestServer(t, http.StatusUnprocessableEntity,
		`{"code":"invalid","title":"Invalid","problems":[{"path":"bindings[0].mechanic","message":"there is no such mechanic"}]}`)
	r = run(t, folder, "backtest", "phone", "--file", file, "--server", url, "--key", "k")
	if r.code != exitFailed || !strings.Contains(r.stderr, "3:") || !strings.Contains(r.stderr, "there is no such mechanic") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}

func TestABacktestThatIsAskedForWronglySaysHow(t *testing.T) {
	for args, says := range map[string]string{
		"phone":                              "--ruleset or --file",
		"phone --ruleset 1 --file x":         "--ruleset or --file",
		"phone --ruleset seven":              "seven",
		"phone --ruleset 1 --from noon":      "--from",
		"phone --ruleset 1 --limit -1":       "--limit",
		"phone --ruleset 1 --output diagram": "output",
	} {
		r := run(t, t.TempDir(), append([]string{"backtest", "--server", "http://127.0.0.1:1", "--key", "k"}, strings.Fields(args)...)...)
		if r.code != exitUsage || r.stdout != "" || !strings.Contains(r.stderr, says) {
			t.Errorf("%s: exit %d, %s", args, r.code, r.stderr)
		}
	}
	url, _ := backtestServer(t, http.StatusOK, "nonsense")
	if r := run(t, t.TempDir(), "backtest", "phone", "--ruleset", "1", "--server", url, "--key", "k"); r.code != exitFailed {
		t.Errorf("nonsense was read: %s", r.stdout)
	}
}

// recordedOrders is how many orders the benchmark decides again each time.
const recordedOrders = 100_000

// BenchmarkBacktest decides recorded orders again by a shipped rule, from the store to the report: see decisions/s.
func BenchmarkBacktest(b *testing.B) {
	quiet := slog.New(slog.DiscardHandler)
	compiler, err := newCompiler(b.Context(), quiet)
	benched(b, err)
	store, err := sqlite.Open(b.Context(), b.TempDir())
	benched(b, err)
	benched(b, store.Migrate(b.Context()))
	e := core.NewEngine(core.Options{
		Store: store, Campaigns: store, Ledger: store, Journal: store, Compiler: compiler, Log: quiet,
		Now: func() time.Time { return time.Date(2012, 12, 21, 4, 0, 1, 0, time.UTC) },
	})
	benched(b, e.Start(b.Context()))
	b.Cleanup(func() {
		e.Stop()
		_ = store.Close()
		_ = compiler.close(b.Context())
	})
	recordOrders(b, e, store)
	request := core.BacktestRequest{
		Campaign: "phone", Staff: core.Principal{Role: core.RoleOperator},
		Bindings: []core.Binding{{Mechanic: "seckill", Config: core.Object{"price": int64(89_900), "reservers_only": false}}},
	}
	for b.Loop() {
		report, err := e.Backtest(b.Context(), request)
		benched(b, err)
		if report.Decisions != recordedOrders || report.Winners != recordedOrders {
			b.Fatalf("%+v", report)
		}
	}
	b.ReportMetric(float64(b.N)*recordedOrders/b.Elapsed().Seconds(), "decisions/s")
}

func benched(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// recordOrders places one order, and stores copies of it under other ids.
func recordOrders(b *testing.B, e *core.Engine, store core.Store) {
	b.Helper()
	def, _, err := campaignfile.Parse([]byte(`
campaign: phone
brand: xiaomi
currency: CNY
title: Phone
phases: {sale: 2012-12-21T12:00:00+08:00, closed: 2012-12-22T12:00:00+08:00}
items: [{sku: mi2, title: Mi 2, price: 199900, stock: 1000000, hold: 15m}]
ruleset: [{mechanic: seckill, config: {price: 99900, reservers_only: false}}]
`))
	benched(b, err)
	_, err = e.ApplyCampaign(b.Context(), core.ApplyRequest{Definition: def, Actor: core.Principal{Role: core.RoleOperator}})
	benched(b, err)
	shopper := core.Principal{ID: "ann", Role: core.RoleShopper, Tier: "gold"}
	first, _, err := e.Place(b.Context(), core.OrderRequest{Campaign: "phone", Shopper: shopper, SKU: "mi2", Quantity: 1, Key: "k"})
	benched(b, err)
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	for n := 1; n < recordedOrders; {
		plan := &core.Plan{Campaign: "phone", Brand: "xiaomi"}
		for ; n < recordedOrders && len(plan.Orders) < 1000; n++ {
			o, id := *first, []byte(first.ID)
			for i, left := len(id)-1, n; i > len(id)-6; i, left = i-1, left/32 {
				id[i] = digits[left%32]
			}
			if o.ID, o.Claims = string(id), nil; o.ID != first.ID {
				plan.Orders = append(plan.Orders, &o)
			}
		}
		_, err := store.Apply(b.Context(), plan)
		benched(b, err)
	}
}
