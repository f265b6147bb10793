package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"hotdrop/api"
	"hotdrop/core"
)

// pointLine is one second of a campaign on one line.
func pointLine(p *core.LivePoint) string {
	parts := []string{
		fmt.Sprintf("%s v%d", time.Unix(p.Second, 0).Format(time.TimeOnly), liveOf(p)),
		fmt.Sprintf("orders %d paid %d reservations %d refused %s", p.Orders, p.Paid, p.Reservations, refusedText(p)),
		"p50 " + micros(p.P50) + " p99 " + micros(p.P99), "left " + counts(p.Stock),
	}
	if p.DiscountBudget > 0 {
		parts = append(parts, fmt.Sprintf("discount %d of %d", p.DiscountSpent, p.DiscountBudget))
	}
	parts = append(parts, fmt.Sprintf("%d of %s", followingNodes(p), count(len(p.Nodes), "node")))
	if p.Corrected {
		parts = append(parts, "corrected")
	}
	for _, g := range p.Guards {
		if g.Tripped {
			parts = append(parts, "guard "+guardText(g))
		}
	}
	return strings.Join(parts, " · ") + "\n"
}

// pointScreen is one second of a campaign as a screen.
func pointScreen(p *core.LivePoint) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s  %s  %s\n\n", p.Campaign, time.Unix(p.Second, 0).Format(time.TimeOnly), rolloutText(p.Rollout))
	rows := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { _, _ = fmt.Fprintf(rows, name+"\t"+format+"\n", args...) }
	row("orders", "%d/s, %d paid/s, %d reservations/s", p.Orders, p.Paid, p.Reservations)
	row("refused", "%s", refusedText(p))
	row("time", "p50 %s, p99 %s", micros(p.P50), micros(p.P99))
	row("left", "%s", counts(p.Stock))
	if p.DiscountBudget > 0 {
		row("discount", "%d of %d spent", p.DiscountSpent, p.DiscountBudget)
	}
	for _, a := range p.Arms {
		row(armName(a.Ruleset, a.Canary), "%d decided, %d failed, %s for %d, discount %d", a.Decided, a.Failed,
			count(int(a.Orders), "order"), a.Total, a.Discount)
	}
	for _, b := range p.Bindings {
		open := ""
		if b.Open > 0 {
			open = fmt.Sprintf(", %d not asked: its breaker is open", b.Open)
		}
		row(fmt.Sprintf("  v%d %s", b.Ruleset, oneLine(b.Mechanic)), "%d asked, %d failed, fuel %d (p99 %d), %s%s", b.Asked, b.Failed,
			b.Fuel, b.FuelP99, time.Duration(b.Nanos), open)
	}
	for _, g := range p.Guards {
		row("guard", "%s", guardText(g))
	}
	for _, n := range p.Nodes {
		state := ""
		if !n.Ready {
			state = ", does not serve it"
		}
		if n.Revision < p.Revision {
			state += ", BEHIND"
		}
		row("node", "%s decides by v%d, rollout %d%s", n.ID, n.Ruleset, n.Rollout, state)
	}
	_ = rows.Flush() // a strings.Builder takes everything
	return text.String()
}

func liveOf(p *core.LivePoint) int64 {
	if p.Rollout == nil {
		return 0
	}
	return p.Rollout.Live
}

// rolloutText is what a rollout decides, and what waits.
func rolloutText(r *core.Rollout) string {
	if r == nil {
		return "no rollout"
	}
	view := api.RolloutOf(r)
	return fmt.Sprintf("rollout %d: %s", r.Number, whole(&view))
}

func armName(ruleset int64, canary bool) string {
	switch {
	case ruleset == 0:
		return "list price"
	case canary:
		return fmt.Sprintf("v%d (canary)", ruleset)
	default:
		return fmt.Sprintf("v%d", ruleset)
	}
}

// refusedText is how many requests were refused and why: 12 (sold_out 10, denied 2: no_black 2).
func refusedText(p *core.LivePoint) string {
	var all int64
	for _, n := range p.Refusals {
		all += n
	}
	if all == 0 {
		return "0"
	}
	parts := make([]string, 0, len(p.Refusals))
	for _, code := range slices.Sorted(maps.Keys(p.Refusals)) {
		part := fmt.Sprintf("%s %d", code, p.Refusals[code])
		if code == core.CodeDenied && len(p.Denied) > 0 {
			part += ": " + oneLine(counts(p.Denied))
		}
		parts = append(parts, part)
	}
	return fmt.Sprintf("%d (%s)", all, strings.Join(parts, ", "))
}

// counts lists numbers with their names, sorted by name.
func counts(numbers map[string]int64) string {
	parts := make([]string, 0, len(numbers))
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, numbers[name]))
	}
	return strings.Join(parts, ", ")
}

// followingNodes is how many nodes decide under the point's revision.
func followingNodes(p *core.LivePoint) int {
	n := 0
	for _, one := range p.Nodes {
		if one.Revision >= p.Revision {
			n++
		}
	}
	return n
}

func guardText(g core.GuardState) string {
	text := fmt.Sprintf("%s %d of %d", g.Name, g.Value, g.Limit)
	if g.Tripped {
		text += " TRIPPED"
	}
	if g.TrippedAt > 0 {
		text += fmt.Sprintf(" (v%d at %d, %s)", g.TrippedRuleset, g.TrippedValue, time.UnixMilli(g.TrippedAt).Format(time.TimeOnly))
	}
	return text
}

// micros writes microseconds as people read them.
func micros(n int64) string {
	return (time.Duration(n) * time.Microsecond).Round(10 * time.Microsecond).String()
}
