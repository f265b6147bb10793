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
	Hook    core.Hook             // when it is asked
	Version string                // the author's
	Author  string                // who wrote it
	Title   core.Text             // what it is called in lists
	Text    core.Text             // what it does
	Config  map[string]core.Param // the parameters that a binding may set
	Cases   []Case                // the first that matches applies

	manifest *core.Manifest
}

// Case is one alternative of a rule.
type Case struct {
	When string // a boolean expression; "" always matches
	Then []Effect

	path string // in the file: "" or "cases[i]"
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
		Name: r.Name, Version: r.Version, Kind: keyRule, Digest: digest, Author: r.Author, Title: r.Title,
		Hooks: []core.Hook{r.Hook}, Facts: c.facts(), Effects: r.effects(), Config: r.Config,
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
		case found[i].Path == "hooks[0]" && r.Hook != "":
			found[i].Path = keyHook
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

// effects returns the kinds of effect that the rule may ask for, in the order of the design.
func (r *Rule) effects() []core.EffectKind {
	kinds := []core.EffectKind{}
	for _, kind := range core.EffectKinds() {
		uses := func(e Effect) bool { return e.Kind == kind }
		if slices.ContainsFunc(r.Cases, func(c Case) bool { return slices.ContainsFunc(c.Then, uses) }) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// Manifest describes the rule as a mechanic.
func (r *Rule) Manifest() *core.Manifest { return r.manifest }

// Compile binds the rule to a config. The error is *[core.Problems]: what is wrong with the config has paths like
// config.amount; a config that makes the rule too expensive is a problem of the rule's own path.
func (r *Rule) Compile(config core.Object) (core.Mechanic, error) {
	merged, problems := r.manifest.Configure(config)
	if problems.Err() != nil {
		return nil, problems
	}
	c := newCompiler(r.Config, merged)
	cases := r.compile(c)
	if len(c.problem) > 0 {
		return nil, &core.Problems{List: c.problem}
	}
	return newMechanic(r, cases, c.slots), nil
}

// compile compiles every case.
func (r *Rule) compile(c *compiler) []compiledCase {
	compiled := make([]compiledCase, len(r.Cases))
	for i, one := range r.Cases {
		if one.When != "" {
			compiled[i].clauses = c.condition(join(one.path, keyWhen), one.When)
		}
		for n, effect := range one.Then {
			path := fmt.Sprintf("%s[%d].%s", join(one.path, keyThen), n, effect.Kind)
			compiled[i].plans = append(compiled[i].plans, c.effect(path, effect))
			if misplaced := isHook(r.Hook) && effect.Kind != "" && !effect.Kind.Allowed(r.Hook); misplaced {
				c.reportPathf(path, "", "%s cannot be used at the hook %s", effect.Kind, r.Hook)
			}
		}
	}
	return compiled
}

// isHook reports whether there is such a hook; every hook allows some effect.
func isHook(hook core.Hook) bool {
	allowed := func(kind core.EffectKind) bool { return kind.Allowed(hook) }
	return slices.ContainsFunc(core.EffectKinds(), allowed)
}

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
	return r.Compile(config)
}

// listOfProblems is the list of problems, of which there may be none.
func listOfProblems(problems *core.Problems) []core.Problem {
	if problems == nil {
		return nil
	}
	return problems.List
}
