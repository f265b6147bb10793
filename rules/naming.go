package rules

import (
	"slices"
	"strings"

	"hotdrop/core"
)

// named is something of the campaign that an effect names, whatever the facts are.
type named struct {
	kind core.EffectKind
	path string // in the rule; config.<name> where a parameter alone says it
	eval eval   // reads nothing but the config
}

// noteName notes what the plan's effect names, if that is something that a campaign has to declare.
func (p *plan) noteName(path string, name eval) {
	switch kind := p.base.Kind; kind { //nolint:exhaustive // the effects that name something of the campaign file
	case core.EffectTake, core.EffectGrant, core.EffectEnter, core.EffectNotify, core.EffectAdd:
		p.names = append(p.names, named{kind, path, name})
	}
}

// placeOfName is where a name is written that the expression at the path computes: the parameter, if it is nothing else.
func (c *compiler) placeOfName(path, expression string) string {
	parameter := strings.TrimSpace(expression)
	name, isConfig := strings.CutPrefix(parameter, keyConfig+".")
	if _, declared := c.params[name]; isConfig && declared {
		return parameter
	}
	return path
}

// isConstant reports whether what reads these paths is decided by the config alone.
func isConstant(read []string) bool {
	return !slices.ContainsFunc(read, func(path string) bool { return !strings.HasPrefix(path, keyConfig+".") })
}

// Names implements [core.Naming]. Cases that this config rules out are left out, and so are those after one that it makes
// match always. A name that is blank is none: it fails when it is asked for.
func (m *mechanic) Names() []core.Name {
	var names []core.Name
	for i := range m.bodies {
		for n := range m.bodies[i].cases {
			one := &m.bodies[i].cases[n]
			may, always := m.matches(one)
			if may {
				names = m.appendNames(names, one)
			}
			if always {
				break
			}
		}
	}
	return names
}

// matches reports whether there may be facts that the case matches for, and whether it matches for all of them.
func (m *mechanic) matches(one *compiledCase) (may, always bool) {
	always = true
	for i := range one.clauses {
		c := &one.clauses[i]
		if !isConstant(c.read) {
			always = false
			continue
		}
		if held, ok := m.constant(c.eval); !ok || !held.truth() {
			return false, false
		}
	}
	return true, always
}

// constant evaluates what reads nothing but the config; false if that fails.
func (m *mechanic) constant(expression eval) (value, bool) {
	f := m.begin(&core.Facts{})
	v := expression(f)
	return v, m.end(f) == nil
}

func (m *mechanic) appendNames(names []core.Name, one *compiledCase) []core.Name {
	for i := range one.names {
		name, ok := m.constant(one.names[i].eval)
		if ok && name.s != "" {
			names = append(names, core.Name{Kind: one.names[i].kind, Name: name.s, Path: m.placeInBinding(one.names[i].path)})
		}
	}
	return names
}

// placeInBinding returns the path relative to the binding, which has the text of the rule or only its name.
func (m *mechanic) placeInBinding(path string) string {
	switch {
	case strings.HasPrefix(path, keyConfig+"."):
		return path
	case m.inline:
		return "rule." + path
	default:
		return "mechanic"
	}
}
