package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"hotdrop/core"
)

const (
	// maxCases and maxEffects bound what one decision evaluates.
	maxCases   = 16
	maxEffects = 32
)

// decoder reads a rule off the tree of its file and collects everything that is wrong with its shape.
type decoder struct{ problems core.Problems }

func (d *decoder) addf(path, hint, format string, args ...any) {
	d.problems.List = append(d.problems.List, core.Problem{Path: path, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// nearestOf is the hint that names the nearest of the known names.
func nearestOf(name string, known []string) string {
	if nearest := core.Nearest(name, known); nearest != "" {
		return didYouMean(nearest)
	}
	return ""
}

// rule decodes the whole file.
func (d *decoder) rule(tree core.Object) *Rule {
	d.knownKeys("", tree, ruleKeys())
	r := &Rule{
		Name:    d.str(keyRule, tree[keyRule]),
		Version: d.str("version", tree["version"]),
		Author:  d.str("author", tree["author"]),
		Title:   d.text("title", tree["title"]),
		Text:    d.text("text", tree["text"]),
		Config:  d.config(tree[keyConfig]),
	}
	if tree[keyRule] == nil {
		d.addf("", "", "%s is missing", keyRule)
	}
	if tree[keyHooks] == nil {
		r.Bodies = d.body(tree)
	} else {
		r.Bodies = d.bodies(tree)
	}
	return r
}

// body decodes a rule that has one hook.
func (d *decoder) body(tree core.Object) []Body {
	if tree[keyHook] == nil {
		d.addf("", "", "%s is missing", keyHook)
	}
	return []Body{{Hook: core.Hook(d.str(keyHook, tree[keyHook])), Cases: d.cases("", tree)}}
}

// bodies decodes a rule that has a body for each of its hooks.
func (d *decoder) bodies(tree core.Object) []Body {
	for _, key := range []string{keyHook, keyWhen, keyThen, keyCases} {
		if tree[key] != nil {
			d.addf(key, "", "a rule has either hooks, or hook with when and then or cases")
		}
	}
	given := d.object(keyHooks, tree[keyHooks])
	if given != nil && len(given) == 0 {
		d.addf(keyHooks, "", "must be a map from hooks to their when and then or cases")
	}
	d.knownHooks(given)
	var bodies []Body
	for _, hook := range core.Hooks() {
		body, ok := given[string(hook)]
		if !ok {
			continue
		}
		path := keyHooks + "." + string(hook)
		object := d.object(path, body)
		d.knownKeys(path, object, []string{keyCases, keyThen, keyWhen})
		bodies = append(bodies, Body{Hook: hook, Cases: d.cases(path, object)})
	}
	return bodies
}

func (d *decoder) knownHooks(given core.Object) {
	known := make([]string, 0, len(core.Hooks()))
	for _, hook := range core.Hooks() {
		known = append(known, string(hook))
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, name) {
			d.addf(join(keyHooks, name), nearestOf(name, known), "there is no hook %q", name)
		}
	}
}

// The keys of a rule file that more than one place names.
const (
	keyRule   = "rule"
	keyHook   = "hook"
	keyHooks  = "hooks"
	keyCases  = "cases"
	keyConfig = "config"
	keyThen   = "then"
	keyWhen   = "when"
)

func ruleKeys() []string {
	return []string{"author", keyCases, keyConfig, keyHook, keyHooks, keyRule, "text", keyThen, "title", "version", keyWhen}
}

func (d *decoder) knownKeys(path string, tree core.Object, known []string) {
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		if !slices.Contains(known, key) {
			d.addf(join(path, key), nearestOf(key, known), "unknown key %s", key)
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (d *decoder) str(path string, given any) string {
	s, ok := given.(string)
	if given != nil && !ok {
		d.addf(path, "", "must be a string")
	}
	return s
}

func (d *decoder) text(path string, given any) core.Text {
	if given == nil {
		return core.Text{}
	}
	t, problem := textOf(given)
	if problem != "" {
		d.addf(path, "", "%s", problem)
	}
	return t
}

func (d *decoder) object(path string, given any) core.Object {
	object, ok := given.(core.Object)
	if given != nil && !ok {
		d.addf(path, "", "must be a map")
	}
	return object
}

func (d *decoder) config(given any) map[string]core.Param {
	declared := d.object(keyConfig, given)
	params := make(map[string]core.Param, len(declared))
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		path := keyConfig + "." + name
		if declaration := d.object(path, declared[name]); declaration != nil {
			params[name] = d.param(path, declaration)
		}
	}
	return params
}

// param decodes a parameter's declaration; whether it makes sense is for the manifest to say.
func (d *decoder) param(path string, declared core.Object) core.Param {
	var param core.Param
	d.knownKeys(path, declared, []string{"default", "max", "min", "names", "of", "title", "type", "values"})
	raw, err := json.Marshal(declared)
	if err == nil {
		err = json.Unmarshal(raw, &param)
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		d.addf(join(path, mismatch.Field), "", "must not be a %s", mismatch.Value)
	} else if err != nil {
		d.addf(path, "", "%v", err)
	}
	param.Default = declared["default"]
	return param
}

// cases returns the cases of what stands at the path: the list, or the one that when and then are.
func (d *decoder) cases(path string, tree core.Object) []Case {
	given, isList := tree[keyCases]
	if !isList {
		return []Case{d.oneCase(path, tree)}
	}
	for _, key := range []string{keyWhen, keyThen} {
		if tree[key] != nil {
			d.addf(join(path, key), "", "a rule has either cases, or when and then")
		}
	}
	at := join(path, keyCases)
	list, ok := given.([]any)
	if !ok || len(list) == 0 || len(list) > maxCases {
		d.addf(at, "", "must be a list of 1 to %d cases, {when, then}", maxCases)
		return nil
	}
	cases := make([]Case, len(list))
	for i := range list {
		path := fmt.Sprintf("%s[%d]", at, i)
		object := d.object(path, list[i])
		d.knownKeys(path, object, []string{keyThen, keyWhen})
		cases[i] = d.oneCase(path, object)
		if object[keyWhen] == nil && i < len(list)-1 {
			d.addf(path, "", "only the last case may have no when: those after it would never be reached")
		}
	}
	return cases
}

func (d *decoder) oneCase(path string, tree core.Object) Case {
	one := Case{path: path, When: d.when(join(path, keyWhen), tree[keyWhen])}
	at := join(path, keyThen)
	list, ok := tree[keyThen].([]any)
	switch {
	case tree[keyThen] == nil:
		d.addf(path, "", "then is missing")
	case !ok:
		d.addf(at, "", "must be a list of effects")
	case len(list) > maxEffects:
		d.addf(at, "", "has more than %d effects", maxEffects)
	default:
		for i := range list {
			one.Then = append(one.Then, d.effect(fmt.Sprintf("%s[%d]", at, i), list[i]))
		}
	}
	return one
}

// when returns the condition; an absent one and true are both "".
func (d *decoder) when(path string, given any) string {
	switch v := given.(type) {
	case nil:
		return ""
	case string:
		if v == "" {
			d.addf(path, "leave it out to match always", "must not be empty")
		}
		return v
	case bool:
		return strconv.FormatBool(v)
	default:
		d.addf(path, "", "must be an expression")
		return ""
	}
}

func (d *decoder) effect(path string, given any) Effect {
	object, ok := given.(core.Object)
	if !ok || len(object) != 1 {
		d.addf(path, "", "an effect is a map with one key, its kind")
		return Effect{}
	}
	for kind, fields := range object {
		if effectFields(core.EffectKind(kind)) == nil {
			d.addf(path+"."+kind, nearestOf(kind, effectKinds()), "there is no effect %s", kind)
			return Effect{}
		}
		if object, ok := fields.(core.Object); ok {
			return Effect{Kind: core.EffectKind(kind), Fields: object}
		}
		d.addf(path+"."+kind, "", "must be a map")
	}
	return Effect{}
}

func effectKinds() []string {
	kinds := core.EffectKinds()
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = string(kind)
	}
	return names
}
