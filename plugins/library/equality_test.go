package library_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/core/mechanictest"
	"hotdrop/plugins/library"
	rulelibrary "hotdrop/rules/library"
)

// decisions is how many sets of facts both forms of a mechanic are asked about under each config.
const decisions = 20

// pool is what facts and parameters are drawn from: the same few values, so that a fact often meets its parameter.
type pool struct {
	*rapid.T
	ints    []int64
	strings []string
	changes int // in ten values, how many are drawn anew; the others stay as the vector has them
}

func newPool(t *rapid.T) *pool {
	return &pool{
		T: t, ints: []int64{0, 1, 2, 3, 5, 50, 100, 86_400, 179_900, 1_395_799_200_000},
		strings: []string{"", "mx3", "Xiaomi", "Samsung", "退", "repost", "visitor", "reservation", "sale", "a\"\\\x01b"},
		changes: rapid.SampledFrom([]int{1, 3, 10}).Draw(t, "how many values change"),
	}
}

func (p *pool) integer() int64 { return rapid.SampledFrom(p.ints).Draw(p.T, "integer") }
func (p *pool) text() string   { return rapid.SampledFrom(p.strings).Draw(p.T, "string") }

// stays reports whether a value stays as the vector has it.
func (p *pool) stays() bool { return rapid.IntRange(1, 10).Draw(p.T, "value") > p.changes }

// config returns the vector's parameters, or the defaults, with some of them drawn anew. What it draws joins the pool, with
// the integers on both sides.
func (p *pool) config(m *core.Manifest, vector core.Object) core.Object {
	length := rapid.IntRange(0, 4).Draw(p.T, "length of lists")
	config := core.Object{}
	for _, name := range slices.Sorted(maps.Keys(m.Config)) {
		value, given := vector[name]
		if !given {
			value = m.Config[name].Default
		}
		if !p.stays() {
			value = p.parameter(m.Config[name], length)
		}
		config[name] = value
		p.learn(value)
	}
	return config
}

// parameter draws a value that the parameter may have. Lists are of one length nearly always, as parallel ones must be.
func (p *pool) parameter(param core.Param, length int) any {
	switch param.Type {
	case "integer":
		return p.within(param)
	case "boolean":
		return rapid.Bool().Draw(p.T, "boolean")
	case "list":
		if rapid.IntRange(0, 9).Draw(p.T, "of another length") == 0 {
			length = rapid.IntRange(0, 4).Draw(p.T, "its length")
		}
		return p.list(param, length)
	default:
		if len(param.Values) > 0 {
			return rapid.SampledFrom(param.Values).Draw(p.T, "value")
		}
		return p.text()
	}
}

// list draws a list of the length, integers often in ascending order, as tiers are.
func (p *pool) list(param core.Param, length int) []any {
	list, numbers := make([]any, length), make([]int64, length)
	for i := range list {
		numbers[i] = p.within(param)
		list[i] = p.entry()
	}
	if param.Of != "integer" {
		return list
	}
	if rapid.Bool().Draw(p.T, "ascending") {
		slices.Sort(numbers)
	}
	for i := range list {
		list[i] = numbers[i]
	}
	return list
}

// entry draws an element of a list: a string, or two with a space between them, as tables of models have them.
func (p *pool) entry() string {
	if rapid.IntRange(0, 2).Draw(p.T, "is a pair") == 0 {
		return p.text() + " " + p.text()
	}
	return p.text()
}

// within draws an integer between the bounds of the parameter, often one of them.
func (p *pool) within(param core.Param) int64 {
	n := p.integer()
	if param.Min != nil {
		n = max(n, *param.Min)
	}
	if param.Max != nil {
		n = min(n, *param.Max)
	}
	return n
}

func (p *pool) learn(value any) {
	switch v := value.(type) {
	case int64:
		p.ints = append(p.ints, v-1, v, v+1)
	case string:
		p.strings = append(p.strings, v, v+"0")
	case []any:
		for _, element := range v {
			p.learn(element)
		}
	}
}

// facts returns the vector's facts with some of them drawn anew: any field, and what the mechanic reads of the open blocks.
func (p *pool) facts(m *core.Manifest, vector core.Facts) *core.Facts {
	facts := &vector
	p.fill(reflect.ValueOf(facts).Elem())
	facts.Quantity = rapid.Int64Range(1, 4).Draw(p.T, "quantity")
	facts.Quota, facts.Input = maps.Clone(facts.Quota), maps.Clone(facts.Input)
	for _, path := range m.Facts {
		parts := strings.Split(path, ".")
		isOpen := parts[0] == "quota" || parts[0] == "input"
		if !isOpen || p.stays() {
			continue
		}
		p.open(facts, parts)
	}
	return facts
}

// open draws a fact of an open block.
func (p *pool) open(facts *core.Facts, parts []string) {
	if facts.Quota == nil {
		facts.Quota = map[string]int64{}
	}
	if facts.Input == nil {
		facts.Input = core.Object{}
	}
	switch {
	case parts[0] == "quota":
		facts.Quota[parts[1]] = p.integer()
	case len(parts) == 2:
		facts.Input[parts[1]] = p.text()
	default:
		group, _ := facts.Input[parts[1]].(core.Object)
		group = maps.Clone(group)
		if group == nil {
			group = core.Object{}
		}
		group[parts[2]] = p.text()
		facts.Input[parts[1]] = group
	}
}

func (p *pool) fill(v reflect.Value) {
	if v.Kind() == reflect.Struct {
		for _, field := range v.Fields() {
			p.fill(field)
		}
		return
	}
	if p.stays() {
		return
	}
	switch v.Kind() {
	case reflect.Int64:
		v.SetInt(p.integer())
	case reflect.String:
		v.SetString(p.text())
	case reflect.Slice:
		v.Set(reflect.ValueOf([]string{p.text(), p.text()}))
	default: // the open blocks have theirs
	}
}

// answer is a decision in a form that compares: data is canonical, a failure is told by whether there is one, because a rule
// itself refuses a name that the engine refuses of a plugin.
func answer(m core.Mechanic, hook core.Hook, facts *core.Facts) (string, []core.Effect) {
	effects, _, err := m.Decide(hook, facts, nil)
	if err != nil || core.JudgeEffects(hook, effects) != nil {
		return "it failed", nil
	}
	for i := range effects {
		if canonical, err := core.CanonicalData(effects[i].Data); err == nil {
			effects[i].Data = canonical
		}
	}
	return fmt.Sprintf("%+v", effects), effects
}

// TestRuleAndPluginAreOneMechanic asks both forms about the same facts under the same config, which begin as a vector of
// either and then change. It wants every effect of the manifest to have been seen, so that they do not agree on nothing.
func TestRuleAndPluginAreOneMechanic(t *testing.T) {
	for _, f := range embedded(t) {
		t.Run(f.plugin, func(t *testing.T) {
			plugin, entry := load(t, f.plugin)
			var vectors []campaignfile.Vector
			for _, file := range f.vectors(t) {
				vectors = append(vectors, file.Vectors...)
			}
			seen := map[core.EffectKind]int{}
			rapid.Check(t, func(t *rapid.T) {
				p, vector := newPool(t), rapid.SampledFrom(vectors).Draw(t, "vector")
				config := p.config(entry.Manifest, vector.Config)
				rule, err := rulelibrary.Compile(f.plugin, config)
				bound, refused := plugin.Bind(config)
				if err != nil || refused != nil {
					t.Fatalf("the rule's config: %v, the plugin's: %v", err, refused)
				}
				for range decisions {
					facts := p.facts(entry.Manifest, vector.Facts)
					want, effects := answer(rule, vector.Hook, facts)
					if got, _ := answer(bound, vector.Hook, facts); got != want {
						t.Fatalf("%s with %v and %+v:\nrule   %s\nplugin %s", vector.Hook, config, facts, want, got)
					}
					for _, e := range effects {
						seen[e.Kind]++
					}
				}
			})
			for _, kind := range entry.Manifest.Effects {
				if seen[kind] == 0 {
					t.Errorf("no decision asked for %s: %v", kind, seen)
				}
			}
		})
	}
}

// embedded returns the forms that are shipped: those in C.
func embedded(t *testing.T) []form {
	t.Helper()
	return slices.DeleteFunc(forms(t), func(f form) bool { return f.Language != "c" })
}

// TestTheRuleDecidesWhatThePluginsVectorsSay, as the plugin does what the rule's say.
func TestTheRuleDecidesWhatThePluginsVectorsSay(t *testing.T) {
	for _, name := range library.Names() {
		t.Run(name, func(t *testing.T) {
			entry, err := library.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			vectors, err := campaignfile.ParseVectors(entry.Vectors)
			if err != nil {
				t.Fatal(err)
			}
			mechanictest.Run(t, func(config core.Object) (core.Mechanic, error) { return rulelibrary.Compile(name, config) }, vectors)
		})
	}
}

// TestRuleAndPluginSayTheSameOfThemselves: whoever binds a mechanic by its name need not know which form it has.
func TestRuleAndPluginSayTheSameOfThemselves(t *testing.T) {
	for _, name := range library.Names() {
		plugin, err := library.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		rule, err := rulelibrary.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		p, r := plugin.Manifest, rule.Rule.Manifest()
		if p.Title != r.Title || p.Text != rule.Rule.Text || !slices.Equal(p.Hooks, r.Hooks) {
			t.Errorf("%s: the plugin is %v %v at %v,\nthe rule is %v %v at %v", name, p.Title, p.Text, p.Hooks, r.Title, rule.Rule.Text, r.Hooks)
		}
		if got, want := slices.Sorted(slices.Values(p.Facts)), slices.Sorted(slices.Values(r.Facts)); !slices.Equal(got, want) {
			t.Errorf("%s: the plugin reads %v,\nthe rule %v", name, got, want)
		}
		if got, want := slices.Sorted(slices.Values(p.Effects)), slices.Sorted(slices.Values(r.Effects)); !slices.Equal(got, want) {
			t.Errorf("%s: the plugin asks for %v,\nthe rule for %v", name, got, want)
		}
		if !reflect.DeepEqual(p.Config, r.Config) {
			t.Errorf("%s: the plugin's parameters are %+v,\nthe rule's %+v", name, p.Config, r.Config)
		}
	}
}

// TestAConfigOfTheWrongTypeIsRefusedByBothForms at the same place, with the same words.
func TestAConfigOfTheWrongTypeIsRefusedByBothForms(t *testing.T) {
	for _, name := range library.Names() {
		plugin, entry := load(t, name)
		for parameter, param := range entry.Manifest.Config {
			var wrong any = "1"
			if param.Type == "string" {
				wrong = int64(1)
			}
			config := core.Object{parameter: wrong}
			_, byRule := rulelibrary.Compile(name, config)
			_, byPlugin := plugin.Bind(config)
			r, isProblem := errors.AsType[*core.Problems](byRule)
			p, alsoProblem := errors.AsType[*core.Problems](byPlugin)
			if !isProblem || !alsoProblem || r.List[0].Path != "config."+parameter || !reflect.DeepEqual(r.List, p.List) {
				t.Errorf("%s: config.%s: the rule says %v, the plugin %v", name, parameter, byRule, byPlugin)
			}
		}
	}
}
