package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
)

const (
	// defaultWait is how long a change waits to see the nodes follow, unless it is told otherwise. A node that died is known to
	// be gone after a few seconds.
	defaultWait = 10 * time.Second
	// hurry is how long an undo and a stop wait instead: whoever asks for one wants to know at once what has followed so far.
	hurry = time.Second
	// maxWait is the most that the API waits.
	maxWait = 30 * time.Second
)

// rolloutChange is what every command that changes a rollout was asked for.
type rolloutChange struct {
	client client
	format output
	reason string
	expect int64
	wait   time.Duration
	stops  bool // it stops the campaign or lets it go on
}

// register adds the flags that every change has.
func (r *rolloutChange) register(cmd *cobra.Command) {
	r.format = outputText
	r.client.register(cmd)
	r.format.register(cmd)
	cmd.Flags().StringVar(&r.reason, "reason", "", "why, for the staff log; required")
	if r.wait == 0 {
		r.wait = defaultWait
	}
	cmd.Flags().DurationVar(&r.wait, "wait", r.wait, "how long to wait for the nodes to follow, at most 30s")
}

// registerExpect adds the flag that says which rollout is changed.
func (r *rolloutChange) registerExpect(cmd *cobra.Command) {
	cmd.Flags().Int64Var(&r.expect, "expect", 0, "the number of the rollout to change; without it the one in force, which is read first")
}

// requireReason refuses a change that nobody says the reason of.
func requireReason(reason string) error {
	if strings.TrimSpace(reason) == "" {
		return usageError{errors.New("--reason: say why, in a few words; it is kept with the change")}
	}
	return nil
}

func checkWait(wait time.Duration) error {
	if wait < 0 || wait > maxWait {
		return usageError{fmt.Errorf("--wait: must be 0s to %s", maxWait)}
	}
	return nil
}

func (r *rolloutChange) check() error {
	err := errors.Join(requireReason(r.reason), checkWait(r.wait))
	if r.expect < 0 {
		err = errors.Join(err, usageError{errors.New("--expect: must be the number of a rollout")})
	}
	return err
}

// expected returns the number of the rollout that is changed: the one that was given, else the one in force, which it says.
func (r *rolloutChange) expected(ctx context.Context, campaign string, talk io.Writer) (int64, error) {
	if r.expect > 0 {
		return r.expect, nil
	}
	state, err := r.client.rolloutState(ctx, campaign, 1)
	if err != nil {
		return 0, err
	}
	r.say(talk, state)
	return state.Rollout, nil
}

// say tells which rollout is about to be changed.
func (*rolloutChange) say(talk io.Writer, state *api.RolloutState) {
	_, _ = fmt.Fprintf(talk, "%s is at rollout %d: %s\n", state.Campaign, state.Rollout, whole(&state.State))
}

// make sends the change and prints what was observed of it. A node that does not follow in time makes the command fail,
// although the change is in force.
func (r *rolloutChange) make(ctx context.Context, path string, body any, out io.Writer) error {
	answer, err := r.client.post(ctx, path, body)
	if err != nil {
		return rolloutAdvice(err)
	}
	swapped, err := decode[api.Swapped](answer)
	if err != nil {
		return err
	}
	if err := r.awaitPending(ctx, swapped); err != nil {
		return err
	}
	if r.stops {
		swapped.State.Action = core.ActionStop // a stop that was in force already made nothing
	}
	sentence, follows := effect(swapped, r.wait)
	if r.format == outputJSON {
		err = printAsIs(out, answer)
	} else {
		_, err = fmt.Fprintln(out, sentence)
	}
	if err == nil && !follows {
		err = errFailed
	}
	return err
}

// awaitPending waits for a change that is to be made soon by itself, and for the nodes to follow it.
func (r *rolloutChange) awaitPending(ctx context.Context, s *api.Swapped) error {
	over := time.Now().Add(r.wait)
	p := s.State.Pending
	if p == nil || r.stops || !onlyWaits(s.State.Action) || p.Approval != "" || p.At != nil && p.At.After(over) {
		return nil
	}
	for time.Now().Before(over) && !arrived(s) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(readyPoll):
		}
		state, err := r.client.rolloutState(ctx, s.Campaign, 1)
		if err != nil {
			return err
		}
		s.Rollout, s.Revision, s.Epoch, s.State, s.CommittedAt = state.Rollout, state.Revision, state.Epoch, state.State, state.State.At
		s.Nodes, s.Lost = followers(state), state.Lost
	}
	return nil
}

// arrived reports whether nothing waits any more and every node follows.
func arrived(s *api.Swapped) bool {
	late := func(n api.NodeFollowed) bool { return n.FollowedAt == nil && n.Unserved == "" }
	return s.State.Pending == nil && !slices.ContainsFunc(s.Nodes, late)
}

// followers says of each node since when it follows the rollout that is in force.
func followers(s *api.RolloutState) []api.NodeFollowed {
	nodes := make([]api.NodeFollowed, len(s.Nodes))
	for i, n := range s.Nodes {
		nodes[i] = api.NodeFollowed{Node: n.ID, Revision: n.Revision, Unserved: n.Unserved}
		if n.Revision >= s.Revision {
			nodes[i].FollowedAt = n.FollowedAt
		}
	}
	return nodes
}

// rolloutAdvice names what to try next where a refusal leaves a choice.
func rolloutAdvice(err error) error {
	p, ok := errors.AsType[*api.Problem](err)
	switch {
	case ok && p.Code == core.CodeNotReady:
		return withNext(err, "wait and try again, or --force: a node that cannot compile it takes no more requests then")
	case ok && p.Code == core.CodePreconditionFailed:
		return withNext(err, "look at hotdrop rollout status, then try again")
	}
	return err
}

func (r *rolloutChange) waitMillis() int64 { return r.wait.Milliseconds() }

// rulesetNumber reads the number of a ruleset as people write it: 7 or v7.
func rulesetNumber(word string) (int64, error) {
	number, err := strconv.ParseInt(strings.TrimPrefix(word, "v"), 10, 64)
	if err != nil || number < 1 || strings.HasPrefix(strings.TrimPrefix(word, "v"), "+") {
		return 0, usageError{fmt.Errorf("%q is no ruleset: write its number, as in 7 or v7", word)}
	}
	return number, nil
}

// modeChange is what a command was asked for that gives a ruleset a place in the rollout.
type modeChange struct {
	rolloutChange

	mode    core.Mode
	percent int64
	tag     string
	holds   string
	at      string
	force   bool
}

func (m *modeChange) register(cmd *cobra.Command) {
	m.rolloutChange.register(cmd)
	m.registerExpect(cmd)
}

// registerWhen adds the flags of a change that may come into force later.
func (m *modeChange) registerWhen(cmd *cobra.Command) {
	cmd.Flags().StringVar(&m.at, "at", "", "when it comes into force: RFC 3339, or how long from now, as in +90s")
	cmd.Flags().BoolVar(&m.force, "force", false, "also if a node is not ready; one that cannot compile it takes no more requests then")
}

// registerHolds adds the flag that says what becomes of orders from before.
func (m *modeChange) registerHolds(cmd *cobra.Command) {
	holds := &choice{value: &m.holds, of: []string{string(core.HoldsHonour), string(core.HoldsOffer), string(core.HoldsDrain)}}
	m.holds = string(core.HoldsHonour)
	cmd.Flags().Var(holds, "holds", "orders that are placed and not paid: honour (they keep their quote), offer (a new one beside it), "+
		"or drain (nothing is sold until they have ended)")
}

// run makes the change of the ruleset, 0 for none.
func (m *modeChange) run(cmd *cobra.Command, campaign string, ruleset int64) error {
	at, err := m.instant(time.Now())
	if err := errors.Join(err, m.check()); err != nil {
		return err
	}
	expect, err := m.expected(cmd.Context(), campaign, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	return m.send(cmd, campaign, ruleset, expect, at)
}

// send asks for the change of the rollout that is expected.
func (m *modeChange) send(cmd *cobra.Command, campaign string, ruleset, expect int64, at *time.Time) error {
	return m.make(cmd.Context(), rolloutPath(campaign, "rollout"), api.RolloutRequest{
		Mode: m.mode, Ruleset: ruleset, Percent: m.percent, Tag: m.tag, Holds: core.Holds(m.holds), At: at, Force: m.force,
		Expect: expect, Reason: m.reason, Wait: m.waitMillis(),
	}, cmd.OutOrStdout())
}

// instant reads --at; nil means now.
func (m *modeChange) instant(now time.Time) (*time.Time, error) {
	if m.at == "" {
		return nil, nil //nolint:nilnil // no instant is an answer
	}
	if in, found := strings.CutPrefix(m.at, "+"); found {
		if wait, err := time.ParseDuration(in); err == nil && wait > 0 {
			at := now.Add(wait)
			return &at, nil
		}
	}
	at, err := time.Parse(time.RFC3339, m.at)
	if err != nil {
		return nil, usageError{fmt.Errorf("--at: %q is no instant: write 2030-06-03T12:00:00+08:00, or +90s", m.at)}
	}
	return &at, nil
}

// rulesetArgs is RunE of a command with a campaign and a ruleset.
func (m *modeChange) rulesetArgs(cmd *cobra.Command, args []string) error {
	ruleset, err := rulesetNumber(args[1])
	if err != nil {
		return err
	}
	return m.run(cmd, args[0], ruleset)
}
