package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins/abi"
)

// mechanicRun is what `mechanic run` was asked for.
type mechanicRun struct {
	path   string
	hook   string
	facts  string
	vector string
	config []string
	policy policyFile
	format output
}

func mechanicRunCommand() *cobra.Command {
	r := &mechanicRun{format: outputText}
	cmd := &cobra.Command{
		Use:   "run PATH",
		Short: "Decide once: facts from a file or stdin in, effects out",
		Long: "Ask the mechanic that PATH names for one decision and show its effects, why it did not match, and its fuel.\n" +
			"Facts are YAML or JSON as under facts: in a vector file, from stdin or --facts; empty means no facts. What a\n" +
			"plugin logs goes to stderr. A refusal (deny) and a failure exit with 1.",
		Example: "  hotdrop mechanic run seckill < facts.json\n" +
			"  echo '{quantity: 2}' | hotdrop mechanic run my-plugin --config amount=500 --config 'brands=[Nokia]'\n" +
			"  hotdrop mechanic run my-rule --vector 'it opens at its second'",
		Args: atMostOne(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.path = args[0]
			if r.vector != "" && cmd.Flags().Changed("facts") {
				why := errors.New("a vector has facts of its own: give either --vector or --facts")
				return &nextError{usageError{why}, "hotdrop mechanic run --help"}
			}
			return r.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	r.policy.register(cmd)
	r.format.register(cmd)
	cmd.Flags().StringVar(&r.hook, "hook", "", "when the mechanic is asked (default: quote if it has that hook, else its first)")
	cmd.Flags().StringVar(&r.facts, "facts", "-", "the file with the facts; - is stdin")
	cmd.Flags().StringVar(&r.vector, "vector", "", "take hook, config and facts from the mechanic's vector of this name")
	cmd.Flags().StringArrayVar(&r.config, "config", nil, "the binding's parameters: NAME=VALUE, or a JSON object; may be repeated")
	return cmd
}

func (r *mechanicRun) run(ctx context.Context, stdin io.Reader, out, talk io.Writer) (err error) {
	piece, shop, err := r.open(ctx, talk)
	if err != nil {
		return withNext(err, commandLine("check", r.path))
	}
	defer func() { err = errors.Join(err, shop.close(ctx)) }()
	question, err := r.question(piece.parsedMechanic, stdin)
	if err != nil {
		return err
	}
	mechanic, err := piece.compile(question.Config)
	if err != nil {
		return &nextError{usageError{fileError("--config", err)}, commandLine("inspect", r.path)}
	}
	result := decide(mechanic, question)
	result.FuelLimit = piece.limits.Fuel
	if err := result.print(out, r.format); err != nil {
		return err
	}
	if result.Outcome == outcomeFailed {
		_, _ = fmt.Fprintln(talk, "next: "+afterFailure(result, r.path))
	}
	if result.Outcome == outcomeFailed || result.Outcome == outcomeDenied {
		return errFailed
	}
	return nil
}

// open makes the mechanic ready; the workshop is the caller's to close.
func (r *mechanicRun) open(ctx context.Context, talk io.Writer) (*workpiece, *workshop, error) {
	source, err := findMechanic(r.path)
	if err != nil {
		return nil, nil, err
	}
	m, err := source.parse()
	if err != nil {
		return nil, nil, err
	}
	policy, err := r.policy.read()
	if err != nil {
		return nil, nil, err
	}
	shop := &workshop{policy: policy, talk: talk, log: logTo(talk)}
	piece, err := shop.open(ctx, m)
	if err != nil {
		return nil, nil, errors.Join(err, shop.close(ctx))
	}
	return piece, shop, nil
}

// logLines is a log for the author: the lines as the plugin wrote them, without what a server's log has around them.
type logLines struct {
	slog.Handler

	talk io.Writer
}

func logTo(talk io.Writer) *slog.Logger {
	return slog.New(&logLines{slog.NewTextHandler(talk, &slog.HandlerOptions{Level: slog.LevelDebug}), talk})
}

// Handle implements [slog.Handler].
func (l *logLines) Handle(_ context.Context, record slog.Record) error {
	_, err := fmt.Fprintln(l.talk, "log: "+printable(record.Message))
	return err
}

// question is what the mechanic is asked: a vector without an expectation.
func (r *mechanicRun) question(m *parsedMechanic, stdin io.Reader) (*campaignfile.Vector, error) {
	asked := &campaignfile.Vector{}
	if r.vector != "" {
		i := slices.IndexFunc(m.cases.Vectors, func(v campaignfile.Vector) bool { return v.Name == r.vector })
		if i < 0 {
			return nil, &nextError{fmt.Errorf("%s has no vector %q", m.vectors.name, r.vector), commandLine("test", r.path, "-v")}
		}
		asked = &m.cases.Vectors[i]
	} else if err := r.readFacts(stdin, &asked.Facts); err != nil {
		return nil, err
	}
	config, err := configOf(m.described, r.config)
	if err != nil {
		return nil, err
	}
	if asked.Config == nil {
		asked.Config = core.Object{}
	}
	maps.Copy(asked.Config, config)
	asked.Hook, err = r.askedHook(m.described, asked.Hook)
	return asked, err
}

// readFacts reads the facts. Nobody is waited for at a terminal: without a file there are no facts then.
func (r *mechanicRun) readFacts(stdin io.Reader, facts *core.Facts) error {
	if r.facts == "-" && isTerminal(stdin) {
		return nil
	}
	text, err := readFileOrStdin(r.facts, stdin)
	if err != nil {
		why := fmt.Errorf("the facts cannot be read: %w", err)
		return &nextError{why, commandLine("run", r.path, "--facts") + " FILE"}
	}
	if strings.TrimSpace(string(text)) == "" {
		return nil
	}
	name := r.facts
	if name == "-" {
		name = "stdin"
	}
	file, err := campaignfile.Decode(text, facts)
	if err == nil {
		problems := impossible(facts)
		file.Locate(problems)
		err = problems.Err()
	}
	return withNext(fileError(name, err), "correct the facts, then "+commandLine("run", r.path))
}

// impossible finds facts that no sale has, so that nobody takes what is decided on them for a bug.
func impossible(facts *core.Facts) *core.Problems {
	problems := &core.Problems{}
	for _, fact := range []struct {
		path  string
		value int64
	}{{"now", facts.Now}, {"item.price", facts.Item.Price}, {"quantity", facts.Quantity}} {
		if fact.value < 0 {
			problems.Add(fact.path, "is %d, and is never below 0", fact.value)
		}
	}
	return problems
}

// isTerminal reports whether a person could be typing.
func isTerminal(stdin io.Reader) bool {
	file, ok := stdin.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// askedHook is the hook of the flag, of the vector, or the one that comes first to mind.
func (r *mechanicRun) askedHook(m *core.Manifest, ofVector core.Hook) (core.Hook, error) {
	hook := cmp.Or(core.Hook(r.hook), ofVector)
	switch {
	case hook == "" && slices.Contains(m.Hooks, core.HookQuote):
		return core.HookQuote, nil
	case hook == "":
		return m.Hooks[0], nil
	case !slices.Contains(m.Hooks, hook):
		why := fmt.Errorf("%s does not have the hook %s, only %s", m.Name, hook, listOf(m.Hooks))
		return "", &nextError{usageError{why}, commandLine("run", r.path, "--hook", string(m.Hooks[0]))}
	default:
		return hook, nil
	}
}

// configOf reads the parameters of --config: NAME=VALUE by the type that the manifest gives NAME, or whole objects.
func configOf(m *core.Manifest, given []string) (core.Object, error) {
	config := core.Object{}
	for _, one := range given {
		name, text, isPair := strings.Cut(one, "=")
		var err error
		switch {
		case strings.HasPrefix(strings.TrimSpace(one), "{"):
			_, err = campaignfile.Decode([]byte(one), &config)
		case !isPair:
			err = fmt.Errorf("%q is neither NAME=VALUE nor a JSON object", one)
		default:
			config[name], err = parameter(m.Config[name], text)
		}
		if err != nil {
			return nil, &nextError{usageError{fileError("--config", err)}, "hotdrop mechanic run --help"}
		}
	}
	return config, nil
}

// parameter reads a value as its parameter's type; one of another type is left for the manifest to refuse.
func parameter(p core.Param, text string) (any, error) {
	switch {
	case p.Type == "list" && !strings.HasPrefix(strings.TrimSpace(text), "["):
		text = "[" + text + "]"
	case p.Type == "string" || p.Type == "":
		return text, nil
	}
	var value any
	_, err := campaignfile.Decode([]byte(text), &value)
	return value, err
}

// What a decision came to.
const (
	outcomeEffects = "effects"
	outcomeNoMatch = "no_match"
	outcomeDenied  = "denied"
	outcomeFailed  = "failed"
)

// runResult is one decision; its JSON is what -o json prints.
type runResult struct {
	Mechanic     string        `json:"mechanic"`
	Kind         string        `json:"kind"`
	Digest       string        `json:"digest"`
	Hook         core.Hook     `json:"hook"`
	Outcome      string        `json:"outcome"`
	Reason       string        `json:"reason,omitempty"`  // of a denial
	Code         string        `json:"code,omitempty"`    // of a failure
	Message      string        `json:"message,omitempty"` // of a failure
	Clause       string        `json:"clause,omitempty"`  // what was false when a rule did not match
	Clauses      []core.Clause `json:"clauses,omitempty"` // of a rule: what was evaluated, with the values seen
	Effects      []core.Effect `json:"effects"`
	Fuel         int64         `json:"fuel"`
	FuelLimit    int64         `json:"fuel_limit"` // 0 for rules, which burn none
	Microseconds float64       `json:"microseconds"`
}

// decide asks once.
func decide(m core.Mechanic, asked *campaignfile.Vector) *runResult {
	manifest := m.Manifest()
	result := &runResult{Mechanic: manifest.Name, Kind: manifest.Kind, Digest: manifest.Digest, Hook: asked.Hook, Effects: []core.Effect{}}
	started := time.Now()
	effects, usage, err := m.Decide(asked.Hook, &asked.Facts, nil)
	result.Microseconds = float64(time.Since(started).Nanoseconds()) / 1e3
	result.Fuel, result.Clause = usage.Fuel, usage.Clause
	if explainer, ok := m.(core.Explainer); ok {
		result.Clauses = explainer.Explain(asked.Hook, &asked.Facts)
	}
	if err != nil {
		result.fail(err)
		return result
	}
	result.Effects = append(result.Effects, effects...)
	result.Outcome = outcomeEffects
	if len(effects) == 0 {
		result.Outcome = outcomeNoMatch
	}
	if i := slices.IndexFunc(effects, func(e core.Effect) bool { return e.Kind == core.EffectDeny }); i >= 0 {
		result.Outcome, result.Reason = outcomeDenied, effects[i].Name
	}
	return result
}

func (r *runResult) fail(err error) {
	r.Outcome, r.Message = outcomeFailed, err.Error()
	if failure, ok := errors.AsType[*core.MechanicError](err); ok {
		r.Code, r.Message = failure.Code, failure.Message
	}
}

func (r *runResult) print(out io.Writer, format output) error {
	if format == outputJSON {
		return printJSON(out, r)
	}
	_, err := io.WriteString(out, r.text(paintOn(out)))
	return err
}

// text is the decision for people. The effects are as a vector file has them.
func (r *runResult) text(p paint) string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%s (%s) at %s: %s\n", r.Mechanic, r.Kind, r.Hook, r.summary(p))
	for _, e := range r.Effects {
		b.WriteString("  - " + campaignfile.EffectText(e) + "\n")
	}
	if r.Outcome == outcomeNoMatch && len(r.Clauses) > 0 {
		b.WriteString(clauseText(r.Clauses[len(r.Clauses)-1]))
	}
	if r.FuelLimit > 0 {
		_, _ = fmt.Fprintf(&b, "  fuel %s of %s (%s)\n", thousands(r.Fuel), thousands(r.FuelLimit), percent(r.Fuel, r.FuelLimit))
	}
	return b.String()
}

// clauseText says which clause decided, and what it saw.
func clauseText(c core.Clause) string {
	if len(c.Values) == 0 {
		return ""
	}
	seen := make([]string, len(c.Values))
	for i, v := range c.Values {
		seen[i] = v.Path + " is " + v.Value
	}
	verdict := "was false"
	if c.Held {
		verdict = "held, and asks for nothing"
	}
	return fmt.Sprintf("  this %s: %s (%s)\n", verdict, c.Text, printable(strings.Join(seen, ", ")))
}

func (r *runResult) summary(p paint) string {
	switch r.Outcome {
	case outcomeFailed:
		return p.red("failed") + ": " + printable(r.why())
	case outcomeDenied:
		return p.red("refused") + ", " + printable(r.Reason)
	case outcomeNoMatch:
		return "asks for nothing"
	default:
		return p.green(count(len(r.Effects), "effect"))
	}
}

// why is what a failure says. That of a plugin which called fail is its author's own words.
func (r *runResult) why() string {
	if r.Code == abi.CodeFailed {
		return r.Message
	}
	return r.Code + ", " + r.Message
}

// afterFailure is what to try when a decision failed.
func afterFailure(failed *runResult, path string) string {
	switch failed.Code {
	case abi.CodeUndeclaredFact:
		return "add " + declaration(failed.Message) + " under facts in " + manifestName + ", then " + commandLine("check", path)
	case abi.CodeOutOfFuel, abi.CodeDepthLimit, abi.CodeMemoryLimit:
		return commandLine("bench", path)
	case abi.CodeBadEffect:
		return "correct what the effect is given, or name it under effects: in the manifest, then " + commandLine("check", path)
	default:
		return commandLine("test", path, "-v")
	}
}

// declaration is the line that declares the fact with which the message of an undeclared one begins, in quotes.
func declaration(message string) string {
	quotedName, err := strconv.QuotedPrefix(message)
	name, unquoteErr := strconv.Unquote(quotedName)
	if err != nil || unquoteErr != nil {
		return "the fact"
	}
	return "`- " + printable(name) + "`"
}
