package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

func rolloutCommand() *cobra.Command {
	group := &cobra.Command{
		Use:   "rollout",
		Short: "Change which ruleset decides while the sale is running: try it, swap it, stop it, take it back",
		Long: "Change which ruleset decides while the sale is running. A ruleset is an immutable, numbered list of mechanics; v7 is\n" +
			"ruleset 7. One is live; beside it one may be a canary, which decides for some shoppers, and one a shadow, which is\n" +
			"only compared. Every change is made at one instant for every order on every node, and ends by printing what was\n" +
			"observed of it. One that only waits, for its instant, for orders to end or for approval, succeeds too: with -o json\n" +
			"state.pending says what it waits for.",
		Example: "  hotdrop rollout add phone cheaper.yaml --reason \"cheaper\"\n" +
			"  hotdrop rollout canary phone v2 --percent 5 --reason \"five in a hundred first\"\n" +
			"  hotdrop rollout promote phone --reason \"they buy more\"\n" +
			"  hotdrop rollout undo phone --reason \"they do not\"",
	}
	group.AddCommand(rolloutAddCommand(), rolloutShadowCommand(), rolloutCanaryCommand(), rolloutPromoteCommand(), rolloutLiveCommand(),
		rolloutAbortCommand(), rolloutUndoCommand(), rolloutStopCommand(), rolloutApproveCommand(), rolloutStatusCommand(),
		rolloutReportCommand(), rolloutRulesetsCommand())
	return group
}

// rolloutPath is where the API has what is about a campaign's rollout.
func rolloutPath(campaign, what string) string {
	return "/v1/campaigns/" + url.PathEscape(campaign) + "/" + what
}

// rolloutState asks how a campaign's rollout stands, with that many changes of its history.
func (c *client) rolloutState(ctx context.Context, campaign string, changes int) (*api.RolloutState, error) {
	return fetch[api.RolloutState](ctx, c, rolloutPath(campaign, "rollout?limit="+strconv.Itoa(changes)))
}

// rulesetAddition is what `rollout add` was asked for.
type rulesetAddition struct {
	client client
	reason string
	wait   time.Duration
	format output
}

func rolloutAddCommand() *cobra.Command {
	a := &rulesetAddition{format: outputText}
	cmd := &cobra.Command{
		Use:   "add CAMPAIGN FILE",
		Short: "Add a ruleset (- reads stdin), which decides nothing yet, and have every node compile it",
		Long: "Add a ruleset (- reads stdin), which decides nothing yet. The file has the keys ruleset and stacking as a campaign file\n" +
			"does, or is a whole campaign file, of which the rest is left alone. Everything wrong with it is reported at once, with\n" +
			"line and column, and nothing is added then. The command waits until every node has compiled and tried it.",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.add(cmd.Context(), args[0], args[1], cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	a.client.register(cmd)
	a.format.register(cmd)
	cmd.Flags().StringVar(&a.reason, "reason", "", "why, for the staff log; required")
	cmd.Flags().DurationVar(&a.wait, "wait", defaultWait, "how long to wait for the nodes")
	return cmd
}

// warningLines are what a ruleset was added in spite of, each on a line.
func warningLines(warnings []string) string {
	var text strings.Builder
	for _, warning := range warnings {
		text.WriteString("warning: " + oneLine(warning) + "\n")
	}
	return text.String()
}

func (a *rulesetAddition) add(ctx context.Context, campaign, path string, stdin io.Reader, out io.Writer) error {
	if err := errors.Join(requireReason(a.reason), checkWait(a.wait)); err != nil {
		return err
	}
	text, err := readFileOrStdin(path, stdin)
	if err != nil {
		return err
	}
	ruleset, err := readRuleset(text)
	if err != nil {
		return fileError(path, err)
	}
	body := api.RulesetRequest{Bindings: ruleset.Ruleset, Stacking: ruleset.Stacking, Reason: a.reason}
	answer, err := a.client.post(ctx, rolloutPath(campaign, "rulesets"), body)
	if p, ok := errors.AsType[*api.Problem](err); ok && len(p.Problems) > 0 {
		return fileError(path, ruleset.located(p.Problems))
	}
	if err != nil {
		return err
	}
	added, err := decode[api.Ruleset](answer)
	if err != nil {
		return err
	}
	nodes, err := a.awaitReady(ctx, campaign, added.Ruleset)
	if err != nil {
		return err
	}
	if a.format == outputJSON {
		return printAsIs(out, answer)
	}
	sentence, ready := readySentence(added.Ruleset, nodes)
	if _, err := fmt.Fprint(out, sentence+"\n"+warningLines(added.Warnings)); err != nil {
		return err
	}
	if !ready {
		return errFailed
	}
	return nil
}

// rulesetFile is the part of a campaign file that is a ruleset.
type rulesetFile struct {
	Ruleset  []core.Binding           `json:"ruleset" doc:"the mechanics, in the order they run"`
	Stacking map[string]core.Stacking `json:"stacking,omitempty" doc:"how each stacking group combines"`

	file *campaignfile.File
}

// readRuleset reads a file that has a ruleset and nothing else, or a whole campaign file.
func readRuleset(text []byte) (*rulesetFile, error) {
	var keys map[string]json.RawMessage
	if _, err := campaignfile.Decode(text, &keys); err == nil && keys["campaign"] != nil {
		definition, file, err := campaignfile.Parse(text)
		if err != nil {
			return nil, err
		}
		return &rulesetFile{Ruleset: append([]core.Binding{}, definition.Ruleset...), Stacking: definition.Stacking, file: file}, nil
	}
	r := &rulesetFile{}
	file, err := campaignfile.Decode(text, r)
	if err != nil {
		return nil, err
	}
	r.file = file
	if r.Ruleset == nil {
		problems := &core.Problems{}
		problems.Add("ruleset", "must be there: the list of mechanics, [] for none")
		return nil, problems
	}
	return r, nil
}

// located gives problems of the API's request their places in the file, which has its bindings under ruleset.
func (r *rulesetFile) located(list []core.Problem) *core.Problems {
	problems := &core.Problems{}
	for _, p := range list {
		if rest, found := strings.CutPrefix(p.Path, "bindings"); found {
			p.Path = "ruleset" + rest
		}
		problems.List = append(problems.List, p)
	}
	r.file.Locate(problems)
	return problems
}

// readyPoll is how often a node is asked whether it has compiled a ruleset.
const readyPoll = 50 * time.Millisecond

// awaitReady waits until every node is ready for the ruleset or says that it cannot be, or the time is over.
func (a *rulesetAddition) awaitReady(ctx context.Context, campaign string, ruleset int64) ([]api.Node, error) {
	over := time.After(a.wait)
	for {
		state, err := a.client.rolloutState(ctx, campaign, 1)
		if err != nil {
			return nil, err
		}
		if allSaid(state.Nodes, ruleset) {
			return state.Nodes, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-over:
			return state.Nodes, nil
		case <-time.After(readyPoll):
		}
	}
}
