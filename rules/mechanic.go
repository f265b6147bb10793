package rules

import (
	"sync"

	"hotdrop/core"
)

// compiledCase is a case that can decide.
type compiledCase struct {
	clauses []compiledClause
	plans   []plan
}

// compiledClause is one clause of a when and its text.
type compiledClause struct {
	eval eval
	text string
}

// mechanic is a rule bound to a config. It holds no state between decisions but frames to reuse.
type mechanic struct {
	rule   *Rule
	cases  []compiledCase
	frames sync.Pool
}

func newMechanic(r *Rule, cases []compiledCase, slots int) *mechanic {
	m := &mechanic{rule: r, cases: cases}
	m.frames.New = func() any { return &frame{slots: make([]value, slots)} }
	return m
}

// Manifest implements [core.Mechanic].
func (m *mechanic) Manifest() *core.Manifest { return m.rule.manifest }

// Decide implements [core.Mechanic]. When nothing matches, Usage.Clause is the clause of the last case that was false.
func (m *mechanic) Decide(hook core.Hook, facts *core.Facts, effects []core.Effect) (
	[]core.Effect, core.Usage, error,
) {
	if hook != m.rule.Hook {
		return effects, core.Usage{}, nil
	}
	f, _ := m.frames.Get().(*frame)
	f.facts, f.steps, f.err = facts, maxSteps, nil
	decided, usage := m.decide(f, effects)
	err := f.err
	clear(f.slots)
	f.facts = nil
	m.frames.Put(f)
	if err != nil {
		return effects, core.Usage{}, err
	}
	return decided, usage, nil
}

// decide applies the first case that matches.
func (m *mechanic) decide(f *frame, effects []core.Effect) ([]core.Effect, core.Usage) {
	var usage core.Usage
	for i := range m.cases {
		usage.Clause = m.cases[i].failing(f)
		if f.err != nil {
			return effects, usage
		}
		if usage.Clause == "" {
			return m.cases[i].apply(f, effects), usage
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
