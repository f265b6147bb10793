package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
)

func rolloutShadowCommand() *cobra.Command {
	m := &modeChange{mode: core.ModeShadow}
	cmd := &cobra.Command{
		Use:   "shadow CAMPAIGN RULESET",
		Short: "Have a ruleset decide what the live one decides, beside it, and only compare",
		Args:  cobra.ExactArgs(2),
		RunE:  m.rulesetArgs,
	}
	m.register(cmd)
	m.registerWhen(cmd)
	return cmd
}

func rolloutCanaryCommand() *cobra.Command {
	m := &modeChange{mode: core.ModeCanary}
	cmd := &cobra.Command{
		Use:   "canary CAMPAIGN RULESET --percent N | --tag TAG",
		Short: "Have a ruleset decide for some shoppers: the same ones for as long as it lasts",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			byPercent := cmd.Flags().Changed("percent")
			if byPercent == (m.tag != "") {
				return usageError{errors.New("a canary needs --percent or --tag, one of the two")}
			}
			if byPercent && (m.percent < 1 || m.percent > 99) {
				return usageError{errors.New("--percent: must be 1 to 99; for everybody, hotdrop rollout live")}
			}
			return m.rulesetArgs(cmd, args)
		},
	}
	m.register(cmd)
	m.registerWhen(cmd)
	cmd.Flags().Var((*wholePercent)(&m.percent), "percent", "of the shoppers, 1 to 99; a larger one only adds others")
	cmd.Flags().StringVar(&m.tag, "tag", "", "the shoppers whose token has this tag")
	return cmd
}

// wholePercent is a share of the shoppers, in whole percent.
type wholePercent int64

// String returns the current value.
func (p *wholePercent) String() string { return strconv.FormatInt(int64(*p), 10) }

// Type names the value in the help.
func (*wholePercent) Type() string { return "int" }

// Set refuses what is no whole number.
func (p *wholePercent) Set(word string) error {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		return errors.New("must be a whole number, 1 to 99")
	}
	*p = wholePercent(n)
	return nil
}

func rolloutLiveCommand() *cobra.Command {
	m := &modeChange{mode: core.ModeLive}
	cmd := &cobra.Command{
		Use:   "live CAMPAIGN RULESET",
		Short: "Have a ruleset decide for everybody",
		Args:  cobra.ExactArgs(2),
		RunE:  m.rulesetArgs,
	}
	m.register(cmd)
	m.registerWhen(cmd)
	m.registerHolds(cmd)
	return cmd
}

func rolloutPromoteCommand() *cobra.Command {
	m := &modeChange{mode: core.ModeLive}
	cmd := &cobra.Command{
		Use:   "promote CAMPAIGN",
		Short: "Have the canary, or without one the shadow, decide for everybody",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return m.promote(cmd, args[0]) },
	}
	m.register(cmd)
	m.registerWhen(cmd)
	m.registerHolds(cmd)
	return cmd
}

// promote finds out which ruleset it is about before it makes it live.
func (m *modeChange) promote(cmd *cobra.Command, campaign string) error {
	at, err := m.instant(time.Now())
	if err := errors.Join(err, m.check()); err != nil {
		return err
	}
	state, err := m.client.rolloutState(cmd.Context(), campaign, 1)
	if err != nil {
		return err
	}
	m.say(cmd.ErrOrStderr(), state)
	expect := state.Rollout
	if m.expect > 0 {
		expect = m.expect
	}
	switch r := &state.State; {
	case r.Canary != nil:
		return m.send(cmd, campaign, r.Canary.Ruleset, expect, at)
	case r.Shadow != nil:
		return m.send(cmd, campaign, r.Shadow.Ruleset, expect, at)
	}
	return withNext(fmt.Errorf("%s has no canary and no shadow to promote", campaign), "hotdrop rollout live "+campaign+" RULESET")
}

func rolloutAbortCommand() *cobra.Command {
	m := &modeChange{mode: core.ModeAbort}
	cmd := &cobra.Command{
		Use:   "abort CAMPAIGN",
		Short: "End the canary, the shadow and the change that waits; the live ruleset decides for everybody",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return m.run(cmd, args[0], 0) },
	}
	m.register(cmd)
	return cmd
}

func rolloutUndoCommand() *cobra.Command {
	r := &rolloutChange{wait: hurry}
	cmd := &cobra.Command{
		Use:   "undo CAMPAIGN",
		Short: "Go back to the rollout before, whatever is in force",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.check(); err != nil {
				return err
			}
			expect, err := r.expected(cmd.Context(), args[0], cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			body := api.UndoRequest{Expect: expect, Reason: r.reason, Wait: r.waitMillis()}
			return r.make(cmd.Context(), rolloutPath(args[0], "undo"), body, cmd.OutOrStdout())
		},
	}
	r.register(cmd)
	r.registerExpect(cmd)
	return cmd
}

// stopLevels are the words for how far a campaign is stopped.
func stopLevels() []string {
	return []string{"none", string(core.StopReservations), string(core.StopMechanics), string(core.StopCampaign)}
}

func rolloutStopCommand() *cobra.Command {
	r := &rolloutChange{stops: true, wait: hurry}
	level := &choice{value: new(string), of: stopLevels()}
	cmd := &cobra.Command{
		Use:   "stop CAMPAIGN " + strings.Join(level.of, "|"),
		Short: "Stop a campaign at one of three levels, or let it go on (none)",
		Long: "Stop a campaign: reservations (nobody can sign up any more), mechanics (no mechanic is asked, everything costs its\n" +
			"list price), campaign (nothing is sold and nobody can sign up); none lets it go on. Orders that were placed can be\n" +
			"paid at every level. It asks no mechanic, so it works when the ruleset does not.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError{fmt.Errorf("it takes a campaign and a level: %s", strings.Join(level.of, ", "))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := level.Set(args[1]); err != nil {
				return usageError{fmt.Errorf("%q is no level: %w", args[1], err)}
			}
			if err := r.check(); err != nil {
				return err
			}
			body := api.StopRequest{Level: level.String(), Reason: r.reason, Wait: r.waitMillis()}
			return r.make(cmd.Context(), rolloutPath(args[0], "stop"), body, cmd.OutOrStdout())
		},
	}
	r.register(cmd)
	return cmd
}

func rolloutApproveCommand() *cobra.Command {
	r := &rolloutChange{}
	cmd := &cobra.Command{
		Use:   "approve CAMPAIGN",
		Short: "Approve the change that waits for somebody other than who asked for it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.check(); err != nil {
				return err
			}
			state, err := r.client.rolloutState(cmd.Context(), args[0], 1)
			if err != nil {
				return err
			}
			if p := state.State.Pending; p != nil {
				_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "%s asked for it at %s: %s\n", p.By, moment(p.Asked), p.Reason)
			}
			expect := state.Rollout
			if r.expect > 0 {
				expect = r.expect
			}
			body := api.RolloutApproval{Expect: expect, Reason: r.reason, Wait: r.waitMillis()}
			return r.make(cmd.Context(), rolloutPath(args[0], "approvals"), body, cmd.OutOrStdout())
		},
	}
	r.register(cmd)
	r.registerExpect(cmd)
	return cmd
}
