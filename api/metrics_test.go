package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// Counted is what a node has counted of one campaign.
func (*scripted) Counted() []core.Counted {
	c := core.Counted{Campaign: "phone", ApprovalEnds: 1_403_578_800_500}
	c.Orders, c.PaidTotal, c.Took = 2, 199_900, 1_503_000
	c.Refusals = map[core.Code]int64{core.CodeSoldOut: 3, core.CodeDenied: 1}
	c.Denied = map[string]int64{"say \"no\"\n\\": 1}
	for _, took := range []time.Duration{time.Millisecond, 2 * time.Millisecond, 1500 * time.Millisecond} {
		c.Latency.Observe(took.Microseconds())
	}
	c.Arms = []*core.ArmSample{
		{Ruleset: 7, Decided: 5, Bindings: []*core.BindingSample{{Mechanic: "flash", Asked: 5, Burned: 900}}},
		{Ruleset: 8, Canary: true, Decided: 1, Failed: 1},
	}
	c.Left = map[string]core.Sighted{"stock/mi2": {Limit: 10, Remaining: 8}, core.CounterOrders: {Limit: core.Unbounded}}
	return []core.Counted{c, {Campaign: "quiet"}}
}

func TestMetricsAreTextThatPrometheusReads(t *testing.T) {
	_, s, _ := newScripted(t, false)
	w := httptest.NewRecorder()
	s.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	text := w.Body.String()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != metricsType {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, line := range []string{
		"# TYPE hotdrop_orders_total counter",
		`hotdrop_orders_total{campaign="phone"} 2`,
		`hotdrop_orders_total{campaign="quiet"} 0`,
		`hotdrop_order_refusals_total{campaign="phone",code="sold_out"} 3`,
		`hotdrop_order_denials_total{campaign="phone",reason="say \"no\"\n\\"} 1`,
		"# TYPE hotdrop_order_seconds histogram",
		`hotdrop_order_seconds_bucket{campaign="phone",le="0.0025"} 2`,
		`hotdrop_order_seconds_bucket{campaign="phone",le="1"} 2`,
		`hotdrop_order_seconds_bucket{campaign="phone",le="+Inf"} 3`,
		`hotdrop_order_seconds_sum{campaign="phone"} 1.503`,
		`hotdrop_order_seconds_count{campaign="phone"} 3`,
		`hotdrop_decisions_failed_total{campaign="phone",ruleset="8",arm="canary"} 1`,
		`hotdrop_mechanic_fuel_total{campaign="phone",ruleset="7",arm="live",binding="0",mechanic="flash"} 900`,
		`hotdrop_left{campaign="phone",counter="stock/mi2"} 8`,
		"# TYPE hotdrop_plugin_approval_expires_timestamp_seconds gauge\n" +
			`hotdrop_plugin_approval_expires_timestamp_seconds{campaign="phone"} 1403578800.5` + "\n# HELP", // and nothing of quiet
	} {
		if !strings.Contains(text, line+"\n") && !strings.Contains(text, line+" ") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	if strings.Contains(text, `counter="orders"`) {
		t.Error("what has no bound is said to be left")
	}
}

// TestANodeSaysWhatItHasCounted orders on a real node and reads its metrics until they tell of it.
func TestANodeSaysWhatItHasCounted(t *testing.T) {
	s, c := newDrop(t)
	openDrop(t, s, c, core.PhaseSale)
	shopper := c.as(s, alice)
	shopper.order(`{"sku":"case","quantity":1}`, "a").wants(t, http.StatusCreated)
	shopper.order(`{"sku":"case","quantity":1,"input":{"colour":"black"}}`, "b").problem(t, core.CodeDenied)
	for counted := false; !counted && t.Context().Err() == nil; {
		w := httptest.NewRecorder()
		s.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
		text := w.Body.String()
		counted = strings.Contains(text, `hotdrop_orders_total{campaign="phone"} 1`) &&
			strings.Contains(text, `hotdrop_order_denials_total{campaign="phone",reason="no_black"} 1`) &&
			strings.Contains(text, `hotdrop_left{campaign="phone",counter="stock/case"} 99`)
	}
}
