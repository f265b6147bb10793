package rules

import (
	"strings"

	"hotdrop/core"
)

// Explain implements [core.Explainer]. It stops where the decision stopped: at the case that matched, or at the clause
// that failed, which did not hold.
func (m *mechanic) Explain(hook core.Hook, facts *core.Facts) []core.Clause {
	f := m.begin(facts)
	defer func() { _ = m.end(f) }()
	var explained []core.Clause
	for i, one := range m.cases(hook) {
		clauses := m.explain(f, &one)
		for n := range clauses {
			clauses[n].Case = i
		}
		explained = append(explained, clauses...)
		if f.err != nil || clauses[len(clauses)-1].Held {
			break
		}
	}
	return explained
}

// explain evaluates one case: all its clauses, up to the first that is false.
func (m *mechanic) explain(f *frame, one *compiledCase) []core.Clause {
	if len(one.clauses) == 0 {
		return []core.Clause{{Text: "true", Held: true}}
	}
	var explained []core.Clause
	for i := range one.clauses {
		c := &one.clauses[i]
		held := c.eval(f).truth() && f.err == nil
		explained = append(explained, core.Clause{Text: c.text, Held: held, Values: m.values(f.facts, c.read)})
		if !held {
			break
		}
	}
	return explained
}

// values returns what stands at the paths.
func (m *mechanic) values(facts *core.Facts, paths []string) []core.FactValue {
	values := make([]core.FactValue, len(paths))
	for i, path := range paths {
		value := facts.Lookup(path)
		if name, ok := strings.CutPrefix(path, keyConfig+"."); ok {
			value = m.config.Lookup(name)
		}
		values[i] = core.FactValue{Path: path, Value: value.JSON()}
	}
	return values
}
