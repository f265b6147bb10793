package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
)

// statusChanges is how many changes of a campaign `rollout status` shows.
const statusChanges = 8

// rolloutStatus is what `rollout status` was asked for.
type rolloutStatus struct {
	client client
	watch  bool
	format output
}

func rolloutStatusCommand() *cobra.Command {
	s := &rolloutStatus{format: outputText}
	cmd := &cobra.Command{
		Use:   "status CAMPAIGN",
		Short: "Show what decides for whom, which nodes follow, what waits, and who changed what and why",
		Long: "Show what decides for whom, which nodes follow, what waits, and who changed what and why. With --watch it follows the\n" +
			"campaign second by second instead, until it is interrupted: orders, payments, refusals, prices, mechanics, guards. On a\n" +
			"terminal it draws the screen anew each second, elsewhere it prints a line, or with -o json an object. If the server goes\n" +
			"away it goes on where it was once one answers.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.watch {
				return s.follow(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			return s.show(cmd.Context(), args[0], cmd.OutOrStdout())
		},
	}
	s.client.register(cmd)
	s.format.register(cmd)
	cmd.Flags().BoolVarP(&s.watch, "watch", "w", false, "follow it, a point a second")
	return cmd
}

func (s *rolloutStatus) show(ctx context.Context, campaign string, out io.Writer) error {
	state, err := s.client.rolloutState(ctx, campaign, statusChanges)
	if err != nil {
		return err
	}
	status := &shownStatus{RolloutState: *state, Guards: s.guards(ctx, campaign)}
	if s.format == outputJSON {
		return printJSON(out, status)
	}
	_, err = io.WriteString(out, status.text())
	return err
}

// shownStatus is the result of `rollout status`.
type shownStatus struct {
	api.RolloutState

	Guards []core.GuardState `json:"guards"` // those that the campaign file sets, as they measured last
}

// guardPatience is how long the campaign's stream is waited for: it begins with the last second.
const guardPatience = 3 * time.Second

// errSeen ends a stream of which one event is enough.
var errSeen = errors.New("seen")

// guards asks the campaign's stream how its guards stand. A server that does not say so has everything else to say.
func (s *rolloutStatus) guards(ctx context.Context, campaign string) []core.GuardState {
	ctx, cancel := context.WithTimeout(ctx, guardPatience)
	defer cancel()
	var p core.LivePoint
	stream := &eventStream{client: &s.client, path: rolloutPath(campaign, "live")}
	err := stream.read(ctx, func(data []byte) error { return cmp.Or(json.Unmarshal(data, &p), errSeen) })
	if !errors.Is(err, errSeen) || p.Guards == nil {
		return []core.GuardState{}
	}
	return p.Guards
}

// text is the status as people read it.
func (s *shownStatus) text() string {
	var text strings.Builder
	r := &s.State
	fmt.Fprintf(&text, "%s at rollout %d since %s: %s\n\n", s.Campaign, s.Rollout, moment(r.At), made(r))
	rows := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(rows, format+"\n", args...) }
	live := fmt.Sprintf("v%d", r.Live)
	if r.LastGood != 0 {
		live += fmt.Sprintf(", before it v%d", r.LastGood)
	}
	row("live\t%s", live)
	if c := r.Canary; c != nil {
		row("canary\tv%d for %s, since rollout %d", c.Ruleset, someShoppers(c), c.Since)
	}
	if c := r.Shadow; c != nil {
		row("shadow\tv%d, since rollout %d", c.Ruleset, c.Since)
	}
	if stopped := stoppedText(r.Stop); stopped != "" {
		row("stop\t%s", stopped)
	}
	for _, b := range r.Breakers {
		row("BREAKER\t%s", breakerText(&b, s.policyOf(&b)))
	}
	for _, b := range s.Idle {
		if b.Why != core.IdleBreaker {
			row("WITHOUT\t%s", idleText(&b))
		}
	}
	for _, g := range s.Guards {
		row("guard\t%s", guardText(g))
	}
	if p := r.Pending; p != nil {
		row("pending\t%s", waiting(s.Campaign, r.Draining, p))
		row("\tasked for by %s at %s: %s", p.By, moment(p.Asked), cmp.Or(p.Reason, "no reason given"))
	}
	if r.Undo != 0 {
		row("undo\t%s", s.undoText())
	}
	_ = rows.Flush() // a strings.Builder takes everything
	nodesText(&text, &s.RolloutState)
	changesText(&text, &s.RolloutState)
	return text.String()
}

// policyOf is what decides in place of the binding whose breaker is open, as far as the server says.
func (s *shownStatus) policyOf(b *api.Breaker) string {
	for i := range s.Idle {
		if idle := &s.Idle[i]; idle.Ruleset == b.Ruleset && idle.Binding == b.Binding {
			return "on failure: " + string(idle.Policy)
		}
	}
	return policyDecides
}

// policyDecides is what decides in place of a binding, where the policy is not at hand.
const policyDecides = "its failure policy decides"

// breakerText says which binding is not asked, why, and what decides instead.
func breakerText(b *api.Breaker, instead string) string {
	return fmt.Sprintf("v%d asks its binding %d no more until %s, after %s: %s; %s", b.Ruleset, b.Binding+1,
		b.Until.Local().Format(clockForm), count(int(b.Trips), "trip"), oneLine(b.Failure), instead)
}

// idleText says which binding decides without its mechanic and why.
func idleText(b *api.IdleBinding) string {
	return fmt.Sprintf("v%d decides without %s, its binding %d (%s): %s; on failure: %s", b.Ruleset, b.Mechanic, b.Binding+1, b.Why,
		oneLine(b.Message), b.Policy)
}

// undoText says what an undo goes back to: what that decides too, if the changes that are shown have it.
func (s *shownStatus) undoText() string {
	for i := range s.History.Data {
		if before := s.History.Data[i].State; before.Rollout == s.State.Undo {
			before.Stop, before.Pending = s.State.Stop, nil // a stop stays, and what waited does not come back
			return fmt.Sprintf("goes back to rollout %d: %s", before.Rollout, whole(&before))
		}
	}
	return fmt.Sprintf("goes back to rollout %d", s.State.Undo)
}

// made says who made a rollout, how and why.
func made(r *api.Rollout) string {
	who := r.By
	if r.Role != "" {
		who += " (" + string(r.Role) + ")"
	}
	return fmt.Sprintf("%s by %s%s", r.Action, who, because(r.Reason))
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + oneLine(reason)
}

// oneLine is what somebody wrote, fit for one line of a terminal.
func oneLine(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return ' '
		}
		return c
	}, text)
}

// nodesText lists the nodes with what they follow and what they are ready for.
func nodesText(text *strings.Builder, s *api.RolloutState) {
	following := 0
	for _, n := range s.Nodes {
		if n.Revision >= s.Revision {
			following++
		}
	}
	fmt.Fprintf(text, "\nnodes: %d of %d follow\n", following, len(s.Nodes)+len(s.Lost))
	rows := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	for i := range s.Nodes {
		n := &s.Nodes[i]
		since := "not yet"
		if n.FollowedAt != nil {
			since = "since " + n.FollowedAt.Local().Format(clockForm)
		}
		if n.Revision < s.Revision {
			since = "BEHIND"
		}
		_, _ = fmt.Fprintf(rows, "  %s\trollout %d\t%s\tready for %s\t%s\n", n.ID, n.Rollout, since, readyText(n.Ready), n.Version)
	}
	for _, n := range s.Lost {
		_, _ = fmt.Fprintf(rows, "  %s\tLOST\tlast seen %s\t\t\n", n.ID, n.SeenAt.Local().Format(time.TimeOnly))
	}
	_ = rows.Flush() // a strings.Builder takes everything
	for _, n := range s.Nodes {
		for _, r := range n.Refused {
			fmt.Fprintf(text, "  %s cannot compile v%d: %s\n", n.ID, r.Ruleset, oneLine(r.Why))
		}
		if n.Unserved != "" {
			fmt.Fprintf(text, "  %s does not serve the campaign: %s\n", n.ID, oneLine(n.Unserved))
		}
	}
}

// readyText lists rulesets, those that follow each other as a range: v1–v3 v5.
func readyText(ready []int64) string {
	if len(ready) == 0 {
		return "none"
	}
	ready = slices.Sorted(slices.Values(ready))
	var parts []string
	for i := 0; i < len(ready); {
		last := i
		for last+1 < len(ready) && ready[last+1] == ready[last]+1 {
			last++
		}
		part := fmt.Sprintf("v%d", ready[i])
		if last > i {
			part += fmt.Sprintf("–v%d", ready[last])
		}
		parts = append(parts, part)
		i = last + 1
	}
	return strings.Join(parts, " ")
}

// changesText lists the last changes of the campaign, the newest first.
func changesText(text *strings.Builder, s *api.RolloutState) {
	text.WriteString("\nlast changes\n")
	rows := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	for i := range s.History.Data {
		e := &s.History.Data[i]
		_, _ = fmt.Fprintf(rows, "  %d\t%s\t%s\t%s\t%s\n", e.State.Rollout, moment(e.At), e.State.Action, whole(&e.State),
			e.State.By+because(e.State.Reason))
	}
	_ = rows.Flush() // a strings.Builder takes everything
}
