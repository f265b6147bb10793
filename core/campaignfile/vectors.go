package campaignfile

import (
	"fmt"
	"slices"

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

// ParseVectors reads a vector file. The error is a [*core.Problems] with every problem located.
func ParseVectors(data []byte) (*Vectors, error) {
	vectors := &Vectors{}
	file, err := Decode(data, vectors)
	if err != nil {
		return nil, err
	}
	problems := &core.Problems{}
	if vectors.Mechanic == "" {
		problems.Add("mechanic", "must name the mechanic")
	}
	if len(vectors.Vectors) == 0 {
		problems.Add("vectors", "must have at least one vector")
	}
	for i := range vectors.Vectors {
		vectors.check(i, problems)
	}
	file.Locate(problems)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return vectors, nil
}

func (v *Vectors) check(i int, problems *core.Problems) {
	vector, path := v.Vectors[i], fmt.Sprintf("vectors[%d]", i)
	sameName := func(other Vector) bool { return other.Name == vector.Name }
	switch {
	case vector.Name == "":
		problems.Add(path+".name", "must say what the vector shows")
	case slices.IndexFunc(v.Vectors, sameName) != i:
		problems.Add(path+".name", "is the name of an earlier vector too")
	}
	hooks := []core.Hook{core.HookReserve, core.HookShare, core.HookQuote, core.HookPaid, core.HookMessage}
	if !slices.Contains(hooks, vector.Hook) {
		problems.Add(path+".hook", "must be reserve, share, quote, paid or message")
	}
	if outcomes(&vector) > 1 {
		problems.Add(path, "expects one of effects, denied and error")
	}
	for j, effect := range vector.Effects {
		if !effect.Kind.Allowed(vector.Hook) {
			problems.Add(fmt.Sprintf("%s.effects[%d]", path, j), "%s may not be used at the hook %s", effect.Kind, vector.Hook)
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
