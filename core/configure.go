package core

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Configure returns the binding's parameters: config checked against the manifest's types, with defaults for what it
// does not set. The result shares nothing that is written later. Problems have the paths config.<name> and
// config.<name>[i]; with problems the object is nil.
func (m *Manifest) Configure(config Object) (Object, *Problems) {
	problems := &Problems{}
	merged := make(Object, len(m.Config))
	for _, name := range slices.Sorted(maps.Keys(config)) {
		if _, known := m.Config[name]; !known && !problems.full() {
			hint := hintFor(problems, name, slices.Sorted(maps.Keys(m.Config)))
			problems.addHint("config."+name, hint, "%s has no such parameter", m.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Config)) {
		param := m.Config[name]
		value, given := config[name]
		if !given {
			value = param.Default
		}
		if value == nil {
			problems.Add("config."+name, "is required: %s has no default for it", m.Name)
			continue
		}
		merged[name] = param.check("config."+name, value, problems)
	}
	if problems.Err() != nil {
		return nil, problems
	}
	return merged, nil
}

// Validate returns every problem of the manifest itself: unknown hooks, facts and effects, effects that none of its
// hooks may use, and parameters whose default breaks their own type. Paths are those of the manifest's fields. It stops
// after a hundred problems or so, as a manifest may be a stranger's.
func (m *Manifest) Validate() *Problems {
	problems := &Problems{}
	if !isName(m.Name) {
		problems.Add("name", "must be 1 to 63 letters, digits, _ and -, not only digits")
	}
	m.validateHooks(problems)
	m.validateFacts(problems)
	m.validateEffects(problems)
	for _, name := range slices.Sorted(maps.Keys(m.Config)) {
		if problems.full() {
			break
		}
		m.Config[name].validate("config."+name, name, problems)
	}
	if problems.Err() == nil {
		return nil
	}
	return problems
}

func (m *Manifest) validateHooks(problems *Problems) {
	if len(m.Hooks) == 0 {
		problems.Add("hooks", "names no hook")
	}
	for i, hook := range m.Hooks {
		if problems.full() {
			return
		}
		path := fmt.Sprintf("hooks[%d]", i)
		if hookEffects(hook) == nil {
			problems.addHint(path, hintFor(problems, hook, Hooks()), "there is no hook %q", hook)
		}
		if slices.Index(m.Hooks, hook) != i {
			problems.Add(path, "%s is named twice", hook)
		}
	}
}

func (m *Manifest) validateFacts(problems *Problems) {
	parameters := slices.Sorted(maps.Keys(m.Config))
	for i, path := range m.Facts {
		if problems.full() {
			return
		}
		at := fmt.Sprintf("facts[%d]", i)
		if !KnownFact(path) {
			problems.addHint(at, hintFor(problems, path, FactPaths()), "there is no fact %q", path)
			continue
		}
		name, isConfig := cutConfig(path)
		if isConfig && !slices.Contains(parameters, name) {
			problems.addHint(at, hintFor(problems, name, parameters), "%q is not a parameter of config", name)
		}
	}
}

func cutConfig(path string) (string, bool) {
	const prefix = "config."
	if len(path) > len(prefix) && path[:len(prefix)] == prefix {
		return path[len(prefix):], true
	}
	return "", false
}

func (m *Manifest) validateEffects(problems *Problems) {
	for i, kind := range m.Effects {
		if problems.full() {
			return
		}
		path := fmt.Sprintf("effects[%d]", i)
		if (&Effect{Kind: kind}).fields() == nil {
			problems.addHint(path, hintFor(problems, kind, EffectKinds()), "there is no effect %q", kind)
			continue
		}
		if !slices.ContainsFunc(m.Hooks, kind.Allowed) {
			problems.Add(path, "%s cannot be used at %v", kind, m.Hooks)
		}
	}
}

// EffectKinds returns every effect, in the order of the design.
func EffectKinds() []EffectKind {
	return []EffectKind{
		EffectDeny, EffectDiscount, EffectDiscountPercent, EffectPrice, EffectAdd, EffectDeposit, EffectGroup, EffectTake,
		EffectOnce, EffectOblige, EffectGrant, EffectEnter, EffectTag, EffectNotify, EffectReply,
	}
}

// Hooks returns every hook.
func Hooks() []Hook { return []Hook{HookReserve, HookShare, HookQuote, HookPaid, HookMessage} }

func (p Param) validate(path, name string, problems *Problems) {
	types := []string{"integer", "string", "boolean", "list"}
	if !isName(name) {
		problems.Add(path, "a parameter's name is 1 to 63 letters, digits, _ and -, not only digits")
	}
	if !slices.Contains(types, p.Type) {
		problems.addHint(path+".type", hintFor(problems, p.Type, types), "there is no type %q", p.Type)
		return
	}
	if p.Type == "list" && p.Of != "string" && p.Of != "integer" {
		problems.Add(path+".of", "a list is of string or integer, not %q", p.Of)
		return
	}
	if p.Type != "list" && p.Of != "" {
		problems.Add(path+".of", "only a list is of something")
	}
	if p.Min != nil && p.Max != nil && *p.Min > *p.Max {
		problems.Add(path+".min", "%d is above max %d", *p.Min, *p.Max)
	}
	p.validateNames(path+".names", problems)
	if p.Default != nil {
		p.check(path+".default", p.Default, problems)
	}
}

func (p Param) validateNames(path string, problems *Problems) {
	kinds := slices.Sorted(maps.Keys(nameKinds()))
	switch {
	case p.Names == "":
	case !slices.Contains(kinds, p.Names):
		problems.addHint(path, hintFor(problems, p.Names, kinds), "must be one of %q, not %q", kinds, p.Names)
	case p.Type != "string" && p.Of != "string":
		problems.Add(path, "only a string, or a list of them, names something")
	}
}

// check returns the value in the form an [Object] holds, after adding what is wrong with it to problems.
func (p Param) check(path string, value any, problems *Problems) any {
	if p.Type != "list" {
		return p.checkScalar(path, p.Type, value, problems)
	}
	list, ok := value.([]any)
	if !ok {
		problems.Add(path, "must be a list of %ss, not %s", p.Of, typeName(value))
		return nil
	}
	checked := make([]any, len(list))
	for i, element := range list {
		if problems.full() {
			return nil
		}
		checked[i] = p.checkScalar(fmt.Sprintf("%s[%d]", path, i), p.Of, element, problems)
	}
	return checked
}

func (p Param) checkScalar(path, want string, value any, problems *Problems) any {
	value = plainValue(value)
	if got := typeName(value); got != want {
		problems.Add(path, "must be %s %s, not %s", article(want), want, got)
		return nil
	}
	switch v := value.(type) {
	case int64:
		p.checkRange(path, v, problems)
	case string:
		if len(p.Values) > 0 && !slices.Contains(p.Values, v) {
			p.addOther(path, v, problems)
		}
	}
	return value
}

// addOther says that v is none of the parameter's values, of which it lists only so many.
func (p Param) addOther(path, v string, problems *Problems) {
	hint := hintFor(problems, v, p.Values)
	if len(p.Values) > maxListed {
		problems.addHint(path, hint, "must be one of %q and %d others, not %q", p.Values[:maxListed], len(p.Values)-maxListed, v)
		return
	}
	problems.addHint(path, hint, "must be one of %q, not %q", p.Values, v)
}

func (p Param) checkRange(path string, n int64, problems *Problems) {
	if p.Min != nil && n < *p.Min {
		problems.Add(path, "must be at least %d, not %d", *p.Min, n)
	}
	if p.Max != nil && n > *p.Max {
		problems.Add(path, "must be at most %d, not %d", *p.Max, n)
	}
}

// plainValue turns the integers that decoders of untyped values make (int, whole float64, json.Number) into int64, as
// Param.Default is untyped and may have come through any of them.
func plainValue(value any) any {
	switch v := value.(type) {
	case int:
		return int64(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= 1<<53 {
			return int64(v)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
	}
	return value
}

func typeName(value any) string {
	switch plainValue(value).(type) {
	case int64:
		return "integer"
	case string:
		return "string"
	case bool:
		return "boolean"
	case []any:
		return "list"
	case Object, map[string]any:
		return "object"
	default:
		return "number"
	}
}

func article(noun string) string {
	if noun == "integer" {
		return "an"
	}
	return "a"
}
