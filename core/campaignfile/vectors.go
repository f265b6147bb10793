package campaignfile

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"hotdrop/core"
)

// Vectors is a vector file: what a mechanic decides for given facts. The same file serves every form of the mechanic.
type Vectors struct {
	Mechanic string   `json:"mechanic" doc:"the mechanic's name"`
	Vectors  []Vector `json:"vectors" doc:"the cases"`
}

// Vector is one case: at the hook, with this config and these facts, the mechanic asks for exactly these effects. Facts
// that are not named are absent.
type Vector struct {
	Name    string        `json:"name" doc:"what the case shows, a sentence"`
	Hook    core.Hook     `json:"hook" doc:"when the mechanic is asked"`
	Config  core.Object   `json:"config,omitempty" doc:"the binding's parameters; defaults hold for the others"`
	Facts   core.Facts    `json:"facts,omitzero" doc:"what the mechanic may know"`
	Effects []core.Effect `json:"effects,omitempty" doc:"what it asks for, in order; a text given as a string is compared in English only"`
	Denied  string        `json:"denied,omitempty" doc:"instead of effects: the reason of the only effect, a deny with any text"`
	Error   string        `json:"error,omitempty" doc:"instead of effects: the code of the mechanic's failure"`
}

// The most that a vector file may have: it is read for every upload, and each vector is decided on every engine.
const (
	MaxVectors       = 256
	MaxVectorEffects = 64 // of one vector
)

// ParseVectors reads a vector file. The error is a [*core.Problems] with every problem located, up to a hundred.
func ParseVectors(data []byte) (*Vectors, error) {
	vectors := &Vectors{}
	file, r := read(data)
	if file.root != nil {
		r.boundVectors(file.root)
		newDecoder(r, false).value(file.root, reflect.ValueOf(vectors).Elem())
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	if vectors.Mechanic == "" {
		r.add(core.Problem{Path: "mechanic", Message: "must name the mechanic"})
	}
	if len(vectors.Vectors) == 0 {
		r.add(core.Problem{Path: "vectors", Message: "must have at least one vector"})
	}
	named := map[string]bool{}
	for i := range vectors.Vectors {
		r.vector(&vectors.Vectors[i], "vectors["+strconv.Itoa(i)+"]", named)
	}
	file.Locate(&r.problems)
	if err := r.err(); err != nil {
		return nil, err
	}
	return vectors, nil
}

// boundVectors cuts lists that are too long before anything is made of their elements, which take a thousand times
// the memory of "{},".
func (r *reporter) boundVectors(root *yaml.Node) {
	list := child(root, "vectors")
	if list == nil || list.Kind != yaml.SequenceNode {
		return
	}
	r.boundList(list, "vectors", "vectors", MaxVectors)
	for i, vector := range list.Content {
		effects := child(vector, "effects")
		if effects != nil && effects.Kind == yaml.SequenceNode {
			r.boundList(effects, "vectors["+strconv.Itoa(i)+"].effects", "effects", MaxVectorEffects)
		}
	}
}

func (r *reporter) boundList(list *yaml.Node, path, what string, most int) {
	if n := len(list.Content); n > most {
		r.at(path, placeOf(list.Content[most]), fmt.Sprintf("there are %d %s, and at most %d are read", n, what, most), "")
		list.Content = list.Content[:most]
	}
}

// vector checks one vector; named are the names of those before it.
func (r *reporter) vector(v *Vector, path string, named map[string]bool) {
	add := func(path, format string, args ...any) {
		if r.full() {
			r.more++
			return
		}
		r.add(core.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case v.Name == "":
		add(path+".name", "must say what the vector shows")
	case named[v.Name]:
		add(path+".name", "is the name of an earlier vector too")
	}
	named[v.Name] = true
	if !slices.Contains(core.Hooks(), v.Hook) {
		add(path+".hook", "must be reserve, share, quote, paid or message")
	}
	if outcomes(v) > 1 {
		add(path, "expects one of effects, denied and error")
	}
	for j, effect := range v.Effects {
		if !effect.Kind.Allowed(v.Hook) {
			add(fmt.Sprintf("%s.effects[%d]", path, j), "%s may not be used at the hook %s", effect.Kind, brief(string(v.Hook)))
		}
	}
}

// outcomes counts the outcomes that a vector expects.
func outcomes(v *Vector) int {
	n := 0
	for _, expected := range []bool{len(v.Effects) > 0, v.Denied != "", v.Error != ""} {
		if expected {
			n++
		}
	}
	return n
}
