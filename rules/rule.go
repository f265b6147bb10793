package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

// Rule is a rule file. It has been checked as far as that is possible without a binding: every expression compiles
// against the facts and the declared config.
type Rule struct {
	Name    string                // the mechanic's name
	Version string                // the author's
	Author  string                // who wrote it
	Title   core.Text             // what it is called in lists
	Text    core.Text             // what it does
	Config  map[string]core.Param // the parameters that a binding may set
	Bodies  []Body                // what it decides at each of its hooks, in the order of [core.Hooks]

	manifest *core.Manifest
}

// Body is what a rule decides at one hook.
type Body struct {
	Hook  core.Hook
	Cases []Case // the first that matches applies
}

// Case is one alternative of a body.
type Case struct {
	When string // a boolean expression; "" always matches
	Then []Effect

	path string // in the file: "", "cases[i]", "hooks.quote" or "hooks.quote.cases[i]"
}

// Effect is an effect as a rule writes it.
type Effect struct {
	Kind   core.EffectKind
	Fields core.Object
}

// Parse reads a rule file, YAML or JSON. The error is *[core.Problems] that lists everything that is wrong, each with
// its line, column and snippet.
func Parse(file []byte) (*Rule, error) {
	var raw json.RawMessage
	positions, err := campaignfile.Decode(file, &raw)
	if err != nil {
		return nil, err
	}
	r, problems := parseJSON(raw)
	if problems.Err() != nil {
		positions.Locate(problems)
		return nil, problems
	}
	return r, nil
}

// ParseJSON reads a rule from JSON. The error is *[core.Problems] that lists everything that is wrong; paths are those
// of the rule (when, then[0].discount.amount), and offsets are runes into an expression.
func ParseJSON(raw json.RawMessage) (*Rule, error) {
	r, problems := parseJSON(raw)
	if problems.Err() != nil {
		return nil, problems
	}
	return r, nil
}

// parseJSON is ParseJSON that returns what could be read of the rule in spite of the problems, or nil.
func parseJSON(raw json.RawMessage) (*Rule, *core.Problems) {
	d := &decoder{}
	var tree core.Object
	if err := json.Unmarshal(raw, &tree); err != nil {
		d.addf("", "", "not a rule: %v", err)
		return nil, &d.problems
	}
	if tree == nil {
		d.addf("", "", "not a rule: it is empty")
		return nil, &d.problems
	}
	r := d.rule(tree)
	digest, err := digestOf(raw)
	if err != nil {
		d.addf("", "", "%v", err)
	}
	r.describe(digest, &d.problems)
	return r, &d.problems
}

// digestOf is the SHA-256 of the rule's canonical JSON, so that layout and comments do not change it.
func digestOf(raw json.RawMessage) (string, error) {
	canonical, err := core.CanonicalData(string(raw))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(canonical))
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// describe makes the manifest, and adds what is wrong with the expressions and the manifest to the problems.
func (r *Rule) describe(digest string, problems *core.Problems) {
	c := newCompiler(r.Config, defaults(r.Config))
	r.compile(c)
	problems.List = append(problems.List, c.problem...)
	r.manifest = &core.Manifest{
		Name: r.Name, Version: r.Version, Kind: keyRule, Digest: digest, Author: r.Author, Title: r.Title, Text: r.Text,
		Hooks: r.hooks(), Facts: c.facts(), Effects: r.effects(), Config: r.Config,
	}
	problems.List = append(problems.List, r.manifestProblems()...)
}

// manifestProblems returns what is wrong with name, hook and config. Facts and effects have been checked where they
// stand, with better paths than a manifest has for them.
func (r *Rule) manifestProblems() []core.Problem {
	found := listOfProblems(r.manifest.Validate())
	for i := range found {
		switch {
		case found[i].Path == "name" && r.Name != "":
			found[i].Path = keyRule
		case found[i].Path == "hooks[0]" && r.Bodies[0].Hook != "":
			found[i].Path = keyHook // the names under hooks have been checked where they stand
		}
	}
	return slices.DeleteFunc(found, func(problem core.Problem) bool {
		known := problem.Path == keyRule || problem.Path == keyHook
		return !known && !strings.HasPrefix(problem.Path, keyConfig+".")
	})
}

// defaults returns the config of a binding that sets nothing, whatever its problems.
func defaults(params map[string]core.Param) core.Object {
	config := core.Object{}
	for name, param := range params {
		config[name] = param.Default
	}
	return config
}

// hooks returns the hooks that the rule has, in the order of the design.
func (r *Rule) hooks() []core.Hook {
	hooks := make([]core.Hook, len(r.Bodies))
	for i := range r.Bodies {
		hooks[i] = r.Bodies[i].Hook
	}
	return hooks
}

// effects returns the kinds of effect that the rule may ask for, in the order of the design.
func (r *Rule) effects() []core.EffectKind {
	used := map[core.EffectKind]bool{}
	for _, body := range r.Bodies {
		for _, one := range body.Cases {
			for _, effect := range one.Then {
				used[effect.Kind] = true
			}
		}
	}
	return slices.DeleteFunc(core.EffectKinds(), func(kind core.EffectKind) bool { return !used[kind] })
}

// Manifest describes the rule as a mechanic.
func (r *Rule) Manifest() *core.Manifest { return r.manifest }

// Compile binds the rule to a config. The error is *[core.Problems]: what is wrong with the config has paths like
// config.amount; a config that makes the rule too expensive is a problem of the rule's own path.
func (r *Rule) Compile(config core.Object) (core.Mechanic, error) {
	m, err := r.bind(config)
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (r *Rule) bind(config core.Object) (*mechanic, error) {
	merged, problems := r.manifest.Configure(config)
	if problems.Err() != nil {
		return nil, problems
	}
	c := newCompiler(r.Config, merged)
	bodies := r.compile(c)
	if len(c.problem) > 0 {
		return nil, &core.Problems{List: c.problem}
	}
	return newMechanic(r, bodies, merged, c.slots), nil
}

// compile compiles every case of every hook.
func (r *Rule) compile(c *compiler) []compiledBody {
	bodies := make([]compiledBody, len(r.Bodies))
	for i, body := range r.Bodies {
		c.cost = 0 // a decision is asked at one hook
		bodies[i] = compiledBody{hook: body.Hook, cases: make([]compiledCase, len(body.Cases))}
		for n, one := range body.Cases {
			bodies[i].cases[n] = c.oneCase(body.Hook, one)
		}
	}
	return bodies
}

func (c *compiler) oneCase(hook core.Hook, one Case) compiledCase {
	var compiled compiledCase
	if one.When != "" {
		compiled.clauses = c.condition(join(one.path, keyWhen), one.When)
	}
	for n, effect := range one.Then {
		path := fmt.Sprintf("%s[%d].%s", join(one.path, keyThen), n, effect.Kind)
		made := c.effect(path, effect)
		compiled.plans, compiled.names = append(compiled.plans, made), append(compiled.names, made.names...)
		if misplaced := isHook(hook) && effect.Kind != "" && !effect.Kind.Allowed(hook); misplaced {
			c.reportPathf(path, "", "%s cannot be used at the hook %s", effect.Kind, hook)
		}
	}
	return compiled
}

// isHook reports whether there is such a hook.
func isHook(hook core.Hook) bool { return slices.Contains(core.Hooks(), hook) }

// CompileJSON compiles a rule that stands in a binding. The error is *[core.Problems] with paths relative to the
// binding: rule.when, rule.then[0].discount.amount, config.amount.
func CompileJSON(raw json.RawMessage, config core.Object) (core.Mechanic, error) {
	r, problems := parseJSON(raw)
	for i := range problems.List {
		problems.List[i].Path = strings.TrimSuffix("rule."+problems.List[i].Path, ".")
	}
	if problems.Err() != nil {
		if r != nil {
			_, more := r.manifest.Configure(config)
			problems.List = append(problems.List, listOfProblems(more)...)
		}
		return nil, problems
	}
	m, err := r.bind(config)
	if err != nil {
		return nil, err
	}
	m.inline = true
	return m, nil
}

// listOfProblems is the list of problems, of which there may be none.
func listOfProblems(problems *core.Problems) []core.Problem {
	if problems == nil {
		return nil
	}
	return problems.List
}
