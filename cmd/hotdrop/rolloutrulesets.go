package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
)

// rulesetList is what `rollout rulesets` was asked for.
type rulesetList struct {
	client client
	limit  int
	format output
}

func rolloutRulesetsCommand() *cobra.Command {
	l := &rulesetList{format: outputText}
	cmd := &cobra.Command{
		Use:   "rulesets CAMPAIGN [RULESET]",
		Short: "List a campaign's rulesets, the newest first, with which of them decide, or show one",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return l.one(cmd.Context(), args[0], args[1], cmd.OutOrStdout())
			}
			return l.list(cmd.Context(), args[0], cmd.OutOrStdout())
		},
	}
	l.client.register(cmd)
	l.format.register(cmd)
	cmd.Flags().IntVar(&l.limit, "limit", 20, "how many at most, 1 to 100")
	return cmd
}

func (l *rulesetList) list(ctx context.Context, campaign string, out io.Writer) error {
	if l.limit < 1 || l.limit > 100 {
		return usageError{errors.New("--limit: must be 1 to 100")}
	}
	answer, err := l.client.get(ctx, rolloutPath(campaign, "rulesets?limit="+strconv.Itoa(l.limit)))
	if err != nil {
		return err
	}
	return show(out, l.format, answer, func(out io.Writer, page *api.Page[api.Ruleset]) error {
		state, err := l.client.rolloutState(ctx, campaign, 1)
		if err != nil {
			return err
		}
		_, err = io.WriteString(out, rulesetsText(page.Data, &state.State))
		if err == nil && page.Next != nil {
			_, err = fmt.Fprintln(out, "there are more: raise --limit")
		}
		return err
	})
}

// rulesetsText lists rulesets with what each does in the rollout.
func rulesetsText(rulesets []api.Ruleset, r *api.Rollout) string {
	var text strings.Builder
	rows := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for i := range rulesets {
		one := &rulesets[i]
		_, _ = fmt.Fprintf(rows, "v%d\t%s\t%s\t%s\t%s\n", one.Ruleset, placeOf(one.Ruleset, r), moment(one.CreatedAt),
			mechanicsText(one.Bindings), oneLine(one.CreatedBy)+because(one.Reason))
	}
	_ = rows.Flush() // a strings.Builder takes everything
	return text.String()
}

// placeOf is what a ruleset does in the rollout: live, canary, shadow; "-" if nothing.
func placeOf(ruleset int64, r *api.Rollout) string {
	var places []string
	if r.Live == ruleset {
		places = append(places, "live")
	}
	if r.Canary != nil && r.Canary.Ruleset == ruleset {
		places = append(places, "canary")
	}
	if r.Shadow != nil && r.Shadow.Ruleset == ruleset {
		places = append(places, "shadow")
	}
	if r.Pending != nil && r.Pending.Ruleset == ruleset {
		places = append(places, "waits")
	}
	if len(places) == 0 {
		return "-"
	}
	return strings.Join(places, ", ")
}

// mechanicName is the name of a binding's mechanic: of a shipped rule or plugin, of an inline rule, or a plugin's digest.
func mechanicName(b *core.Binding) string {
	var rule struct {
		Rule string `json:"rule"`
	}
	if len(b.Rule) > 0 && json.Unmarshal(b.Rule, &rule) != nil {
		rule.Rule = ""
	}
	return cmp.Or(b.Mechanic, rule.Rule, b.Plugin, "a rule without a name")
}

// mechanicsText names the mechanics of a ruleset in the order they run.
func mechanicsText(bindings []core.Binding) string {
	names := make([]string, len(bindings))
	for i := range bindings {
		names[i] = oneLine(mechanicName(&bindings[i]))
	}
	if len(names) == 0 {
		return "no mechanics"
	}
	return strings.Join(names, ", ")
}

func (l *rulesetList) one(ctx context.Context, campaign, word string, out io.Writer) error {
	number, err := rulesetNumber(word)
	if err != nil {
		return err
	}
	answer, err := l.client.get(ctx, rulesetPath(campaign, number))
	if err != nil {
		return err
	}
	return show(out, l.format, answer, func(out io.Writer, ruleset *api.Ruleset) error {
		state, err := l.client.rolloutState(ctx, campaign, 1)
		if err != nil {
			return err
		}
		text, err := rulesetText(ruleset, &state.State)
		if err != nil {
			return err
		}
		_, err = io.WriteString(out, text)
		return err
	})
}

// rulesetPath is where the API has one ruleset of a campaign.
func rulesetPath(campaign string, number int64) string {
	return rolloutPath(campaign, "rulesets/"+strconv.FormatInt(number, 10))
}

// rulesetText is a whole ruleset.
func rulesetText(ruleset *api.Ruleset, r *api.Rollout) (string, error) {
	var text strings.Builder
	text.WriteString(rulesetsText([]api.Ruleset{*ruleset}, r))
	for i := range ruleset.Bindings {
		binding, err := json.MarshalIndent(&ruleset.Bindings[i], "     ", "  ")
		if err != nil {
			return "", err
		}
		digest := ""
		if i < len(ruleset.Digests) {
			digest = " " + ruleset.Digests[i]
		}
		fmt.Fprintf(&text, "\n%3d. %s%s\n     %s\n", i+1, oneLine(mechanicName(&ruleset.Bindings[i])), oneLine(digest), binding)
	}
	for _, group := range slices.Sorted(maps.Keys(ruleset.Stacking)) {
		fmt.Fprintf(&text, "\nstacking %s: %s\n", oneLine(group), ruleset.Stacking[group])
	}
	return text.String(), nil
}
