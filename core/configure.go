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
		if _, known := m.Config[name]; !known {
			problems.addHint("config."+name, didYouMean(name, slices.Sorted(maps.Keys(m.Config))), "%s has no such parameter", m.Name)
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
// hooks may use, and parameters whose default breaks their own type. Paths are those of the manifest's fields.
func (m *Manifest) Validate() *Problems {
	problems := &Problems{}
	if !isName(m.Name) {
		problems.Add("name", "must be 1 to 63 letters, digits, _ and -, not only digits")
	}
	m.validateHooks(problems)
	m.validateFacts(problems)
	m.validateEffects(problems)
	for _, name := range slices.Sorted(maps.Keys(m.Config)) {
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
		path := fmt.Sprintf("hooks[%d]", i)
		if hookEffects(hook) == nil {
			problems.addHint(path, didYouMean(hook, Hooks()), "there is no hook %q", hook)
		}
		if slices.Index(m.Hooks, hook) != i {
			problems.Add(path, "%s is named twice", hook)
		}
	}
}

func (m *Manifest) validateFacts(problems *Problems) {
	parameters := slices.Sorted(maps.Keys(m.Config))
	for i, path := range m.Facts {
		at := fmt.Sprintf("facts[%d]", i)
		if !KnownFact(path) {
			problems.addHint(at, didYouMean(path, FactPaths()), "there is no fact %q", path)
			continue
		}
		name, isConfig := cutConfig(path)
		if isConfig && !slices.Contains(parameters, name) {
			problems.addHint(at, didYouMean(name, parameters), "%q is not a parameter of config", name)
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
		path := fmt.Sprintf("effects[%d]", i)
		if (&Effect{Kind: kind}).fields() == nil {
			problems.addHint(path, didYouMean(kind, EffectKinds()), "there is no effect %q", kind)
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
		problems.addHint(path+".type", didYouMean(p.Type, types), "there is no type %q", p.Type)
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
	if p.Default != nil {
		p.check(path+".default", p.Default, problems)
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
			problems.addHint(path, didYouMean(v, p.Values), "must be one of %q, not %q", p.Values, v)
		}
	}
	return value
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

// addHint is [Problems.Add] with a hint.
func (p *Problems) addHint(path, hint, format string, args ...any) {
	p.Add(path, format, args...)
	p.List[len(p.List)-1].Hint = hint
}

// didYouMean is the hint that names the known name nearest to name, or "" when none is near.
func didYouMean[S ~string](name S, known []S) string {
	nearest := Nearest(name, known)
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %s?", nearest)
}

// Nearest returns the known name with the fewest edits (insert, delete, replace a byte) to name, the first of equals,
// or "" when every one takes more than a third of its own length, rounded up.
func Nearest[S ~string](name S, known []S) S {
	var nearest S
	best := math.MaxInt
	for _, candidate := range known {
		d := distance(string(name), string(candidate))
		if d < best && d <= (len(candidate)+2)/3 {
			nearest, best = candidate, d
		}
	}
	return nearest
}

// distance is the Levenshtein distance in bytes. Names are short; a longer one is as far as it is long.
func distance(a, b string) int {
	if len(a) > 256 || len(b) > 256 {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
