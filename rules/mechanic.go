package rules

import (
	"sync"

	"hotdrop/core"
)

// compiledBody is what a rule decides at one hook.
type compiledBody struct {
	hook  core.Hook
	cases []compiledCase
}

// compiledCase is a case that can decide.
type compiledCase struct {
	clauses []compiledClause
	plans   []plan
	names   []named // what the plans name of the campaign, as far as no fact decides it
}

// compiledClause is one clause of a when, its text, and the paths of what it reads, sorted.
type compiledClause struct {
	eval eval
	text string
	read []string
}

// mechanic is a rule bound to a config. It holds no state between decisions but frames to reuse.
type mechanic struct {
	rule   *Rule
	bodies []compiledBody
	config core.Object // the binding's parameters, whole
	inline bool        // the rule stands in its binding
	frames sync.Pool
}

func newMechanic(r *Rule, bodies []compiledBody, config core.Object, slots int) *mechanic {
	m := &mechanic{rule: r, bodies: bodies, config: config}
	m.frames.New = func() any { return &frame{slots: make([]value, slots)} }
	return m
}

// Manifest implements [core.Mechanic].
func (m *mechanic) Manifest() *core.Manifest { return m.rule.manifest }

// Decide implements [core.Mechanic]. When nothing matches, Usage.Clause is the clause of the last case that was false.
func (m *mechanic) Decide(hook core.Hook, facts *core.Facts, effects []core.Effect) (
	[]core.Effect, core.Usage, error,
) {
	cases := m.cases(hook)
	if len(cases) == 0 {
		return effects, core.Usage{}, nil
	}
	f := m.begin(facts)
	decided, usage := decide(cases, f, effects)
	if err := m.end(f); err != nil {
		return effects, core.Usage{}, err
	}
	return decided, usage, nil
}

// cases returns the cases at the hook, none for a hook that the rule does not have.
func (m *mechanic) cases(hook core.Hook) []compiledCase {
	for i := range m.bodies {
		if m.bodies[i].hook == hook {
			return m.bodies[i].cases
		}
	}
	return nil
}

// begin returns a frame for one decision.
func (m *mechanic) begin(facts *core.Facts) *frame {
	f, _ := m.frames.Get().(*frame)
	f.facts, f.steps, f.err = facts, maxSteps, nil
	return f
}

// end gives the frame back and returns its failure, an untyped nil if there was none.
func (m *mechanic) end(f *frame) error {
	failure := f.err
	clear(f.slots)
	f.facts = nil
	m.frames.Put(f)
	if failure == nil {
		return nil
	}
	return failure
}

// decide applies the first case that matches.
func decide(cases []compiledCase, f *frame, effects []core.Effect) ([]core.Effect, core.Usage) {
	var usage core.Usage
	for i := range cases {
		usage.Clause = cases[i].failing(f)
		if f.err != nil {
			return effects, usage
		}
		if usage.Clause == "" {
			return cases[i].apply(f, effects), usage
		}
	}
	return effects, usage
}

// failing returns the first clause that is false, or "".
func (c *compiledCase) failing(f *frame) string {
	for i := range c.clauses {
		if !c.clauses[i].eval(f).truth() {
			return c.clauses[i].text
		}
	}
	return ""
}

func (c *compiledCase) apply(f *frame, effects []core.Effect) []core.Effect {
	for i := range c.plans {
		effects = append(effects, c.plans[i].base)
		c.plans[i].make(f, &effects[len(effects)-1])
	}
	return effects
}
