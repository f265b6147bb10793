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
		fmt.Sprintf("%s %s", time.Unix(p.Second, 0).Format(time.TimeOnly), decidingText(p.Rollout)),
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
	lastChange(p, row)
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

// decidingText names the live ruleset, and the canary if there is one.
func decidingText(r *core.Rollout) string {
	switch {
	case r == nil:
		return "v0"
	case r.Canary == nil:
		return fmt.Sprintf("v%d", r.Live)
	default:
		return fmt.Sprintf("v%d canary v%d", r.Live, r.Canary.Ruleset)
	}
}

// lastChange says who made the rollout and why, which breakers are open, and what waits.
func lastChange(p *core.LivePoint, row func(name, format string, args ...any)) {
	if p.Rollout == nil {
		return
	}
	view := api.RolloutOf(p.Rollout)
	row("changed", "%s %s", moment(view.At), made(&view))
	for _, b := range view.Breakers {
		row("BREAKER", "%s", breakerText(&b, policyDecides))
	}
	if view.Pending != nil {
		row("pending", "%s", waiting(p.Campaign, view.Draining, view.Pending))
	}
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
	text := fmt.Sprintf("%s %s of %s", g.Name, guardFigure(g.Name, g.Value), guardFigure(g.Name, g.Limit))
	if g.Tripped {
		text += " TRIPPED"
	}
	if g.TrippedAt > 0 {
		text += fmt.Sprintf(" (v%d at %s, %s)", g.TrippedRuleset, guardFigure(g.Name, g.TrippedValue),
			time.UnixMilli(g.TrippedAt).Format(time.TimeOnly))
	}
	return text
}

// guardFigure writes what a guard measures: most of them basis points.
func guardFigure(guard string, n int64) string {
	switch core.GuardName(guard) {
	case core.GuardBudgetShare, core.GuardErrorRate, core.GuardDenialRate, core.GuardOrderValueDrop:
		return fmt.Sprintf("%.2f %%", float64(n)/100)
	case core.GuardSpendPerMinute:
		return thousands(n) + " minor units"
	default:
		return thousands(n)
	}
}

// micros writes microseconds as people read them.
func micros(n int64) string {
	return (time.Duration(n) * time.Microsecond).Round(10 * time.Microsecond).String()
}
