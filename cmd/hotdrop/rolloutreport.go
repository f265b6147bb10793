package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/core/money"
)

// rolloutReport is what `rollout report` was asked for.
type rolloutReport struct {
	client client
	format output
}

func rolloutReportCommand() *cobra.Command {
	r := &rolloutReport{format: outputText}
	cmd := &cobra.Command{
		Use:   "report CAMPAIGN",
		Short: "Show how the canary's shoppers fare beside the others, and what the shadow would have decided otherwise",
		Long: "Show how the canary's shoppers fare beside the others, with intervals of 95 %, and what the shadow would have decided\n" +
			"otherwise, with the cases that differ the most. Both count on all nodes since the canary or the shadow began.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.show(cmd.Context(), args[0], cmd.OutOrStdout())
		},
	}
	r.client.register(cmd)
	r.format.register(cmd)
	return cmd
}

// shownReport is the result of `rollout report`.
type shownReport struct {
	Canary *api.CanaryReport `json:"canary,omitempty"` // nil without a canary
	Shadow *api.Comparison   `json:"shadow,omitempty"` // nil without a shadow
}

func (r *rolloutReport) show(ctx context.Context, campaign string, out io.Writer) error {
	state, err := r.client.rolloutState(ctx, campaign, 1)
	if err != nil {
		return err
	}
	report := &shownReport{}
	if state.State.Canary != nil {
		report.Canary, err = fetch[api.CanaryReport](ctx, &r.client, rolloutPath(campaign, "rollout/canary"))
	}
	if state.State.Shadow != nil && err == nil {
		report.Shadow, err = fetch[api.Comparison](ctx, &r.client, rolloutPath(campaign, "rollout/shadow"))
	}
	switch {
	case err != nil:
		return err
	case report.Canary == nil && report.Shadow == nil:
		return withNext(fmt.Errorf("%s has no canary and no shadow to report on", campaign), "hotdrop rollout shadow "+campaign+" RULESET")
	case r.format == outputJSON:
		return printJSON(out, report)
	}
	_, err = io.WriteString(out, report.text())
	return err
}

// text is the report as people read it.
func (r *shownReport) text() string {
	var parts []string
	if r.Canary != nil {
		parts = append(parts, canaryText(r.Canary))
	}
	if r.Shadow != nil {
		parts = append(parts, fmt.Sprintf("shadow since rollout %d, on %s\n", r.Shadow.Since, count(r.Shadow.Nodes, "node"))+compared(r.Shadow))
	}
	return strings.Join(parts, "\n")
}

// estimated are the figures of a canary that have an interval, each with how it is written.
func estimated(currency string) []estimatedFigure {
	amount := func(n float64) string { return money.Format(int64(math.Round(n)), currency) }
	share := func(n float64) string { return fmt.Sprintf("%.2f %%", 100*n) }
	return []estimatedFigure{
		{
			"conversion", share, func(a *core.CanaryArm) *core.Estimate { return a.Conversion },
			func(d *core.CanaryDifferences) *core.Estimate { return d.Conversion },
		},
		{
			"paid of orders", share, func(a *core.CanaryArm) *core.Estimate { return a.PaidShare },
			func(d *core.CanaryDifferences) *core.Estimate { return d.PaidShare },
		},
		{
			"denied of requests", share, func(a *core.CanaryArm) *core.Estimate { return a.DenialRate },
			func(d *core.CanaryDifferences) *core.Estimate { return d.DenialRate },
		},
		{
			"errors of requests", share, func(a *core.CanaryArm) *core.Estimate { return a.ErrorRate },
			func(d *core.CanaryDifferences) *core.Estimate { return d.ErrorRate },
		},
		{
			"per order", amount, func(a *core.CanaryArm) *core.Estimate { return a.PerOrder },
			func(d *core.CanaryDifferences) *core.Estimate { return d.PerOrder },
		},
	}
}

type estimatedFigure struct {
	name   string
	text   func(float64) string
	of     func(*core.CanaryArm) *core.Estimate
	differ func(*core.CanaryDifferences) *core.Estimate
}

// interval writes an estimate with the bounds between which it is in 95 of 100 cases.
func (f *estimatedFigure) interval(e *core.Estimate) string {
	if e == nil {
		return "too few"
	}
	return fmt.Sprintf("%s (%s to %s)", f.text(e.Value), f.text(e.Low), f.text(e.High))
}

// canaryText sets the two arms of a canary next to each other.
func canaryText(c *api.CanaryReport) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: canary v%d for %s since rollout %d, %s, on %s; intervals of 95 %%\n\n", c.Campaign, c.Ruleset,
		oneLine(someShoppers(&api.Canary{Percent: c.Percent, Tag: c.Tag})), c.Since, moment(c.Began), count(c.Nodes, "node"))
	rows := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(rows, strings.Join(cells, "\t")) } // a strings.Builder takes everything
	row("", fmt.Sprintf("live v%d", c.Live.Ruleset), fmt.Sprintf("canary v%d", c.Canary.Ruleset), "difference")
	for _, one := range []struct {
		name string
		of   func(*core.CanaryArm) int64
	}{
		{"requests", func(a *core.CanaryArm) int64 { return a.Requests }}, {"orders", func(a *core.CanaryArm) int64 { return a.Orders }},
		{"paid", func(a *core.CanaryArm) int64 { return a.Paid }}, {"denied", func(a *core.CanaryArm) int64 { return a.Denied }},
		{"with an error", func(a *core.CanaryArm) int64 { return a.Errors }},
	} {
		row(one.name, thousands(one.of(&c.Live)), thousands(one.of(&c.Canary)))
	}
	row("money", money.Format(c.Live.Money, c.Currency), money.Format(c.Canary.Money, c.Currency))
	row("discount", money.Format(c.Live.Discount, c.Currency), money.Format(c.Canary.Discount, c.Currency))
	for _, f := range estimated(c.Currency) {
		row(f.name, f.interval(f.of(&c.Live)), f.interval(f.of(&c.Canary)), f.interval(f.differ(&c.Differences)))
	}
	row("denied for", oneLine(reasonsText(c.Live.Reasons)), oneLine(reasonsText(c.Canary.Reasons)))
	_ = rows.Flush()
	fmt.Fprintf(&text, "more than chance: %s\n", cmp.Or(strings.Join(c.Differences.Decided, ", "), "nothing yet"))
	return text.String()
}

// reasonsText lists what mechanics denied for, sorted by reason.
func reasonsText(reasons map[string]int64) string {
	parts := make([]string, 0, len(reasons))
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		parts = append(parts, fmt.Sprintf("%s %s", reason, thousands(reasons[reason])))
	}
	return cmp.Or(strings.Join(parts, ", "), "nothing")
}
