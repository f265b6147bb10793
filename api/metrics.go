package api

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"hotdrop/core"
)

const metricsType = "text/plain; version=0.0.4; charset=utf-8"

// latencyEdges are the buckets of the histogram of latencies, microseconds.
func latencyEdges() []int64 {
	return []int64{1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000}
}

// metrics answers what this node has counted since it runs, in the text format of Prometheus
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	var e exposition
	all := s.engine.Counted()
	for _, family := range metricFamilies() {
		e.family(family.name, family.kind, family.help)
		for i := range all {
			family.write(&e, family.name, &all[i])
		}
	}
	if s.logHeads != nil {
		e.heads(s.logHeads())
	}
	s.writeDoor(&e)
	w.Header().Set("Content-Type", metricsType)
	_, _ = w.Write([]byte(e.text.String())) // an error means that the client left
}

// writeDoor writes what limits and admission control have turned away.
func (s *Server) writeDoor(e *exposition) {
	e.family("hotdrop_limited_total", "counter", "Requests refused with rate_limited, by the limit.")
	for _, p := range []*policy{s.limits.address, s.limits.shopper, s.limits.staff, s.limits.campaign} {
		if p != nil {
			e.value("hotdrop_limited_total", p.refused.Load(), "limit", p.name)
		}
	}
	a := s.admission
	if a == nil {
		return
	}
	e.family("hotdrop_shed_total", "counter", "Requests refused with overloaded at the door, by what they were about.")
	for about := asksQuote; about < asks; about++ {
		e.value("hotdrop_shed_total", a.refused[about].Load(), "about", about.String())
	}
	e.family("hotdrop_under_way", "gauge", "Requests under way that admission control counts, and how many of them it allows.")
	e.value("hotdrop_under_way", a.underWay.Load(), "what", "requests")
	e.value("hotdrop_under_way", a.limit.Load(), "what", "limit")
	e.family("hotdrop_accepted_p99_seconds", "gauge",
		"The p99 of accepted requests when the limit was last looked at, with the wait for a processor.")
	e.line("hotdrop_accepted_p99_seconds", seconds(a.p99.Load()/1000), "of", "rush")
}

// metricFamily is one metric, and how a campaign's values of it are written.
type metricFamily struct {
	name, kind, help string
	write            func(e *exposition, name string, c *core.Counted)
}

func metricFamilies() []metricFamily {
	return []metricFamily{
		{"hotdrop_reservations_total", "counter", "Sign-ups.", single(func(c *core.Counted) int64 { return c.Reservations })},
		{"hotdrop_orders_total", "counter", "Orders placed.", single(func(c *core.Counted) int64 { return c.Orders })},
		{
			"hotdrop_orders_replayed_total", "counter", "Order requests that were answered as an earlier one.",
			single(func(c *core.Counted) int64 { return c.Replayed }),
		},
		{
			"hotdrop_payments_total", "counter", "Payments that an order took note of.",
			single(func(c *core.Counted) int64 { return c.Paid }),
		},
		{"hotdrop_paid_minor_units_total", "counter", "What was paid.", single(func(c *core.Counted) int64 { return c.PaidTotal })},
		{
			"hotdrop_order_refusals_total", "counter", "Refused order requests, by code.",
			byName("code", func(c *core.Counted) map[core.Code]int64 { return c.Refusals }),
		},
		{
			"hotdrop_order_denials_total", "counter", "Order requests that a mechanic denied, by its reason.",
			byName("reason", func(c *core.Counted) map[string]int64 { return c.Denied }),
		},
		{"hotdrop_order_seconds", "histogram", "How long order requests took, whatever they were answered.", writeLatency},
		{
			"hotdrop_decisions_total", "counter", "Order requests that a ruleset decided.",
			byArm(func(a *core.ArmSample) int64 { return a.Decided }),
		},
		{
			"hotdrop_decisions_failed_total", "counter", "Decisions in which a mechanic failed.",
			byArm(func(a *core.ArmSample) int64 { return a.Failed }),
		},
		{
			"hotdrop_discount_minor_units_total", "counter", "By how much orders cost less than their list price.",
			byArm(func(a *core.ArmSample) int64 { return a.Discount }),
		},
		{
			"hotdrop_mechanic_asked_total", "counter", "How often a mechanic was asked.",
			byBinding(func(b *core.BindingSample) int64 { return b.Asked }),
		},
		{
			"hotdrop_mechanic_failed_total", "counter", "How often it failed.",
			byBinding(func(b *core.BindingSample) int64 { return b.Failed }),
		},
		{"hotdrop_mechanic_fuel_total", "counter", "What it burned.", byBinding(func(b *core.BindingSample) int64 { return b.Burned })},
		{
			"hotdrop_plugin_approval_expires_timestamp_seconds", "gauge",
			"When the first of the approvals ends that a campaign decides with, seconds since 1970; none where it decides with none.",
			func(e *exposition, name string, c *core.Counted) {
				if c.ApprovalEnds != 0 {
					e.line(name, seconds(c.ApprovalEnds*1000), "campaign", c.Campaign)
				}
			},
		},
		{"hotdrop_left", "gauge", "What was last seen of a counter: units of stock, minor units of the discount budget.", writeLeft},
	}
}

func single(value func(*core.Counted) int64) func(*exposition, string, *core.Counted) {
	return func(e *exposition, name string, c *core.Counted) { e.value(name, value(c), "campaign", c.Campaign) }
}

func byName[K ~string](label string, values func(*core.Counted) map[K]int64) func(*exposition, string, *core.Counted) {
	return func(e *exposition, name string, c *core.Counted) {
		found := values(c)
		for _, key := range slices.Sorted(maps.Keys(found)) {
			e.value(name, found[key], "campaign", c.Campaign, label, string(key))
		}
	}
}

func byArm(value func(*core.ArmSample) int64) func(*exposition, string, *core.Counted) {
	return func(e *exposition, name string, c *core.Counted) {
		for _, arm := range c.Arms {
			e.value(name, value(arm), "campaign", c.Campaign, "ruleset", strconv.FormatInt(arm.Ruleset, 10), "arm", armName(arm))
		}
	}
}

func byBinding(value func(*core.BindingSample) int64) func(*exposition, string, *core.Counted) {
	return func(e *exposition, name string, c *core.Counted) {
		for _, arm := range c.Arms {
			for i, b := range arm.Bindings {
				e.value(name, value(b), "campaign", c.Campaign, "ruleset", strconv.FormatInt(arm.Ruleset, 10), "arm", armName(arm),
					"binding", strconv.Itoa(i), "mechanic", b.Mechanic)
			}
		}
	}
}

func armName(arm *core.ArmSample) string {
	if arm.Canary {
		return "canary"
	}
	return "live"
}

func writeLatency(e *exposition, name string, c *core.Counted) {
	for _, edge := range latencyEdges() {
		e.value(name+"_bucket", c.Latency.AtMost(edge), "campaign", c.Campaign, "le", seconds(edge))
	}
	e.value(name+"_bucket", c.Latency.Count(), "campaign", c.Campaign, "le", "+Inf")
	e.line(name+"_sum", seconds(c.Took), "campaign", c.Campaign)
	e.value(name+"_count", c.Latency.Count(), "campaign", c.Campaign)
}

// seconds renders microseconds as seconds.
func seconds(micros int64) string { return strconv.FormatFloat(float64(micros)/1e6, 'f', -1, 64) }

func writeLeft(e *exposition, name string, c *core.Counted) {
	for _, key := range slices.Sorted(maps.Keys(c.Left)) {
		if key != core.CounterReservations && key != core.CounterOrders { // which have no bound
			e.value(name, c.Left[key].Remaining, "campaign", c.Campaign, "counter", key)
		}
	}
}

// exposition is a text that Prometheus reads.
type exposition struct{ text strings.Builder }

func (e *exposition) family(name, kind, help string) {
	e.text.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

// heads writes how the export of the staff log's heads fares.
func (e *exposition) heads(x ExportedHeads) {
	const seq, failed = "hotdrop_log_head_exported_seq", "hotdrop_log_head_exports_failed_total"
	e.family(seq, "gauge", "The row of the staff log whose signed head was exported last.")
	e.value(seq, x.Seq, "to", x.To)
	e.family(failed, "counter", "Exports of the staff log's head that failed; each is tried again.")
	e.value(failed, x.Failures, "to", x.To)
	const lost = "hotdrop_log_head_contradicted"
	e.family(lost, "gauge", "1 if the staff log no longer has what its last exported head vouches for, as after a restore.")
	e.value(lost, oneIf(x.Lost), "to", x.To)
}

func oneIf(holds bool) int64 {
	if holds {
		return 1
	}
	return 0
}

func (e *exposition) value(name string, value int64, labels ...string) {
	e.line(name, strconv.FormatInt(value, 10), labels...)
}

// line writes one value; labels come in pairs.
func (e *exposition) line(name, value string, labels ...string) {
	e.text.WriteString(name)
	for separator := "{"; len(labels) > 0; labels, separator = labels[2:], "," {
		e.text.WriteString(separator + labels[0] + `="`)
		_, _ = labelEscapes().WriteString(&e.text, labels[1]) // never fails
		e.text.WriteString(`"`)
	}
	e.text.WriteString("} " + value + "\n")
}

// labelEscapes writes what a label's value may be: a reason is whatever a mechanic says.
func labelEscapes() *strings.Replacer { return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`) }
