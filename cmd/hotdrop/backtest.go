package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/core/money"
)

// backtestPatience is how long a backtest may take: some 100,000 decisions a second, of ten million at most.
const backtestPatience = 15 * time.Minute

// backtest is what `hotdrop backtest` was asked for.
type backtest struct {
	client      client
	ruleset     string
	file        string
	from, until string
	limit       int
	format      output
}

func backtestCommand() *cobra.Command {
	b := &backtest{format: outputText}
	cmd := &cobra.Command{
		Use:   "backtest CAMPAIGN --ruleset N | --file FILE",
		Short: "Say what a ruleset would have made of the decisions that a campaign has recorded",
		Long: "Say what a ruleset would have made of the decisions that a campaign has recorded: of its orders, and of those refusals\n" +
			"that were kept. The ruleset is a stored one, or that of a file (- reads stdin) that is not: one with the keys ruleset\n" +
			"and stacking, or a whole campaign file. Nothing is changed. The same recordings and ruleset print the same.",
		Example: "  hotdrop backtest phone --ruleset 2\n  hotdrop backtest phone --file cheaper.yaml --limit 100000 -o json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return b.run(cmd.Context(), args[0], cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	b.client.register(cmd)
	b.format.register(cmd)
	cmd.Flags().StringVar(&b.ruleset, "ruleset", "", "the number of a stored ruleset, such as 2 or v2")
	cmd.Flags().StringVar(&b.file, "file", "", "a file with the ruleset")
	cmd.Flags().StringVar(&b.from, "from", "", "only decisions that were made then or later, RFC 3339")
	cmd.Flags().StringVar(&b.until, "until", "", "only decisions that were made before, RFC 3339")
	cmd.Flags().IntVar(&b.limit, "limit", 0, "how many orders at most, the earliest first (default a million)")
	return cmd
}

func (b *backtest) run(ctx context.Context, campaign string, stdin io.Reader, out io.Writer) error {
	body, ruleset, err := b.request(stdin)
	if err != nil {
		return err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	answered, err := b.client.doWithin(ctx, backtestPatience, http.MethodPost, rolloutPath(campaign, "backtests"), jsonContent(), text)
	if p, ok := errors.AsType[*api.Problem](err); ok && len(p.Problems) > 0 && ruleset != nil {
		return fileError(b.file, ruleset.located(p.Problems))
	}
	if err != nil {
		return err
	}
	return show(out, b.format, answered.body, func(out io.Writer, comparison *api.Comparison) error {
		_, err := io.WriteString(out, compared(comparison))
		return err
	})
}

// request is the body that asks for the backtest, and the file's ruleset if it is about one.
func (b *backtest) request(stdin io.Reader) (map[string]any, *rulesetFile, error) {
	if (b.ruleset == "") == (b.file == "") {
		return nil, nil, usageError{errors.New("a backtest needs --ruleset or --file, one of the two")}
	}
	body := map[string]any{}
	for flag, at := range map[string]string{"from": b.from, "until": b.until} {
		if at == "" {
			continue
		}
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return nil, nil, usageError{fmt.Errorf("--%s: must be a time such as 2012-12-21T12:00:00+08:00", flag)}
		}
		body[flag] = moment
	}
	if b.limit < 0 {
		return nil, nil, usageError{errors.New("--limit: must be at least 1")}
	}
	if b.limit > 0 {
		body["limit"] = b.limit
	}
	if b.ruleset != "" {
		number, err := rulesetNumber(b.ruleset)
		body["ruleset"] = number
		return body, nil, err
	}
	text, err := readFileOrStdin(b.file, stdin)
	if err != nil {
		return nil, nil, err
	}
	ruleset, err := readRuleset(text)
	if err != nil {
		return nil, nil, fileError(b.file, err)
	}
	body["bindings"] = ruleset.Ruleset
	if ruleset.Stacking != nil {
		body["stacking"] = ruleset.Stacking
	}
	return body, ruleset, nil
}

// comparisonText writes a comparison for people to read.
type comparisonText struct {
	explanationText
}

// compared is the comparison as a terminal shows it.
func compared(c *api.Comparison) string {
	t := &comparisonText{explanationText{currency: c.Currency}}
	if c.Decisions+c.Dropped+c.Unread == 0 {
		return t.nothing(c)
	}
	t.heading(c)
	t.sides(&c.Live, &c.Candidate)
	t.line("")
	t.line("%s differ: %s pay %s less, %s pay %s more, %s newly denied, %s newly allowed, %s on other terms",
		thousands(c.Differing), thousands(c.Winners), t.money(c.Won), thousands(c.Losers), t.money(c.Lost), thousands(c.NewlyDenied),
		thousands(c.NewlyAllowed), thousands(c.OtherTerms))
	for i := range c.Cases {
		t.differs(&c.Cases[i])
	}
	return t.String()
}

// nothing says that there was no decision to compare.
func (t *comparisonText) nothing(c *api.Comparison) string {
	t.line("%s: %s: nothing was recorded", c.Campaign, candidateOf(c))
	if c.Failure != "" {
		t.line("%s", c.Failure)
	}
	return t.String()
}

func candidateOf(c *api.Comparison) string {
	if c.Ruleset > 0 {
		return fmt.Sprintf("v%d", c.Ruleset)
	}
	return "the file's ruleset"
}

// heading says what is compared with what.
func (t *comparisonText) heading(c *api.Comparison) {
	made := make([]string, 0, len(c.Recorded))
	for _, r := range c.Recorded {
		made = append(made, fmt.Sprintf("%s by v%d", thousands(r.Decisions), r.Ruleset))
	}
	t.line("%s: %s on %s decisions (%s), %s of them recorded refusals", c.Campaign, candidateOf(c), thousands(c.Decisions),
		strings.Join(made, ", "), thousands(c.Refusals))
	if c.From != nil && c.Until != nil {
		t.line("made from %s to %s", c.From.UTC().Format(time.RFC3339), c.Until.UTC().Format(time.RFC3339))
	}
	if c.Cut {
		t.line("there are more: raise --limit, or go on with --from")
	}
	if c.Dropped+c.Unread > 0 {
		t.line("not compared: %s, of which %s cannot be read", thousands(c.Dropped+c.Unread), thousands(c.Unread))
	}
	if c.Failure != "" {
		t.line("%s", c.Failure)
	}
}

// sides writes both sides' figures next to each other.
func (t *comparisonText) sides(live, candidate *core.ComparedSide) {
	amount := func(n int64) string { return money.Format(n, t.currency) }
	t.line("")
	rows := tabwriter.NewWriter(&t.Builder, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(rows, "\tas decided\tcandidate\t\n") // a strings.Builder takes everything
	for _, one := range []struct {
		name string
		text func(int64) string
		of   func(*core.ComparedSide) int64
	}{
		{"orders", thousands, func(s *core.ComparedSide) int64 { return s.Orders }},
		{"denied", thousands, func(s *core.ComparedSide) int64 { return s.Denied }},
		{"failed", thousands, func(s *core.ComparedSide) int64 { return s.Failed }},
		{"with an error", thousands, func(s *core.ComparedSide) int64 { return s.Errors }},
		{"money of orders on both sides", amount, func(s *core.ComparedSide) int64 { return s.Money }},
		{"per order", amount, func(s *core.ComparedSide) int64 { return s.PerOrder }},
		{"discount of all orders", amount, func(s *core.ComparedSide) int64 { return s.Discount }},
		{"fuel, median", thousands, func(s *core.ComparedSide) int64 { return s.FuelP50 }},
		{"fuel, 99th percentile", thousands, func(s *core.ComparedSide) int64 { return s.FuelP99 }},
	} {
		_, _ = fmt.Fprintf(rows, "%s\t%s\t%s\t\n", one.name, one.text(one.of(live)), one.text(one.of(candidate)))
	}
	_ = rows.Flush()
}

// differs writes one case: what both sides decided, and which mechanics had a part in it.
func (t *comparisonText) differs(c *api.ComparedCase) {
	what := "refused at " + c.At.UTC().Format(time.RFC3339)
	if c.Order != "" {
		what = c.Order
	}
	t.line("")
	t.line("%s (%s): %s, candidate %s", what, strings.ReplaceAll(string(c.Kind), "_", " "), t.decision(&c.Live), t.decision(&c.Candidate))
	t.parts("", &c.Live)
	t.parts("candidate ", &c.Candidate)
}

func (t *comparisonText) decision(d *api.ComparedDecision) string {
	switch {
	case d.Code == "":
		return t.money(d.Total)
	case d.Reason == "":
		return string(d.Code)
	default:
		return fmt.Sprintf("%s (%s)", d.Code, d.Reason)
	}
}

// parts writes the mechanics that had a part in a side's decision.
func (t *comparisonText) parts(side string, d *api.ComparedDecision) {
	if d.Explanation == nil {
		if d.Unexplained != "" {
			t.line("     %s%s", side, d.Unexplained)
		}
		return
	}
	for i := range d.Explanation.Bindings {
		b := &d.Explanation.Bindings[i]
		if b.Outcome == "no_match" {
			continue
		}
		asks := make([]string, 0, len(b.Effects))
		for _, effect := range b.Effects {
			asks = append(asks, string(effect))
		}
		t.line("     %s%d. %s: %s %s", side, i+1, b.Mechanic, t.outcome(b), strings.Join(asks, " "))
	}
}
