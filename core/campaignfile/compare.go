package campaignfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"hotdrop/core"
)

// Difference is one place where a decision is not the one that a vector wants. Want and Got are lines as a vector file
// has them, "" for nothing; what a failure said stands behind its code.
type Difference struct {
	Path string `json:"path"` // in the vector: effects[0], denied, error; effects for one that it does not want
	Want string `json:"want"`
	Got  string `json:"got"`
}

// Compare returns how what a mechanic decided differs from what the vector wants, effect by effect, or nil. effects are
// the mechanic's own, without those of the bindings before it; err is the one that [core.Mechanic] returned.
//
// Data is compared by its meaning, a text that is wanted in English only by its English.
func (v *Vector) Compare(effects []core.Effect, err error) []Difference {
	switch {
	case err != nil:
		return v.compareFailure(err)
	case v.Error != "":
		return []Difference{{"error", v.wanted(), EffectsText(effects)}}
	case v.Denied != "":
		return v.compareDenial(effects)
	default:
		return compareEffects(v.Effects, effects)
	}
}

// wanted is everything that the vector wants.
func (v *Vector) wanted() string {
	switch {
	case v.Error != "":
		return "error: " + v.Error
	case v.Denied != "":
		return fmt.Sprintf("deny: {reason: %s}", v.Denied)
	default:
		return EffectsText(v.Effects)
	}
}

func (v *Vector) compareFailure(err error) []Difference {
	path := "effects"
	switch {
	case v.Error != "":
		path = "error"
	case v.Denied != "":
		path = "denied"
	}
	failure, ok := errors.AsType[*core.MechanicError](err)
	if !ok {
		return []Difference{{path, v.wanted(), printableText(err.Error())}}
	}
	if failure.Code == v.Error {
		return nil
	}
	return []Difference{{path, v.wanted(), printableText("error: " + failure.Error())}}
}

// printableText is what a plugin may have said, fit for a terminal.
func printableText(s string) string {
	return strings.Map(func(c rune) rune {
		if isControl(c) {
			return '\ufffd'
		}
		return c
	}, s)
}

func (v *Vector) compareDenial(got []core.Effect) []Difference {
	if len(got) == 1 && got[0].Kind == core.EffectDeny && got[0].Name == v.Denied {
		return nil
	}
	return []Difference{{"denied", v.wanted(), EffectsText(got)}}
}

// alignment is the cheapest way to make one list of effects of the other: a wanted effect that is missing and one that
// is not wanted cost 2 each, another effect of the same kind 3.
type alignment struct {
	want, got []core.Effect
	cost      [][]int // of the lists from want[i] and got[j] on
}

func compareEffects(want, got []core.Effect) []Difference {
	a := &alignment{want: want, got: got, cost: make([][]int, len(want)+1)}
	for i := len(want); i >= 0; i-- {
		a.cost[i] = make([]int, len(got)+1)
		for j := len(got); j >= 0; j-- {
			a.cost[i][j] = a.cheapest(i, j)
		}
	}
	return a.differences()
}

// cheapest is the cost from want[i] and got[j] on, when that of everything behind is known.
func (a *alignment) cheapest(i, j int) int {
	switch {
	case i == len(a.want):
		return 2 * (len(a.got) - j)
	case j == len(a.got):
		return 2 * (len(a.want) - i)
	}
	least := 2 + min(a.cost[i+1][j], a.cost[i][j+1])
	if a.want[i].Kind == a.got[j].Kind {
		least = min(least, a.change(i, j)+a.cost[i+1][j+1])
	}
	return least
}

// change is what two effects of the same kind cost beside each other.
func (a *alignment) change(i, j int) int {
	if sameEffect(a.want[i], a.got[j]) {
		return 0
	}
	return 3
}

// differences walks the cheapest way.
func (a *alignment) differences() []Difference {
	var found []Difference
	for i, j := 0, 0; i < len(a.want) || j < len(a.got); {
		path := fmt.Sprintf("effects[%d]", i)
		switch {
		case a.beside(i, j):
			if a.change(i, j) > 0 {
				found = append(found, Difference{path, EffectText(a.want[i]), EffectText(inLanguagesOf(a.want[i], a.got[j]))})
			}
			i, j = i+1, j+1
		case j == len(a.got) || i < len(a.want) && a.cost[i][j] == 2+a.cost[i+1][j]:
			found = append(found, Difference{path, EffectText(a.want[i]), ""})
			i++
		default:
			found = append(found, Difference{"effects", "", EffectText(a.got[j])})
			j++
		}
	}
	return found
}

// beside reports whether the cheapest way lays want[i] and got[j] beside each other.
func (a *alignment) beside(i, j int) bool {
	return i < len(a.want) && j < len(a.got) && a.want[i].Kind == a.got[j].Kind &&
		a.cost[i][j] == a.change(i, j)+a.cost[i+1][j+1]
}

// sameEffect reports whether an effect is the one that is wanted. Data that is not an object is never.
func sameEffect(want, got core.Effect) bool {
	if _, err := core.CanonicalData(got.Data); got.Data != "" && err != nil {
		return false
	}
	wanted, wantErr := inLanguagesOf(want, want).MarshalJSON()
	proposed, gotErr := inLanguagesOf(want, got).MarshalJSON()
	return wantErr == nil && gotErr == nil && bytes.Equal(wanted, proposed)
}

// inLanguagesOf leaves the Chinese out of a text that is wanted in English only, and sorts the keys of its data.
func inLanguagesOf(want, got core.Effect) core.Effect {
	if want.Text.ZH == "" {
		got.Text.ZH = ""
	}
	if canonical, err := core.CanonicalData(got.Data); got.Data != "" && err == nil {
		got.Data = canonical
	}
	return got
}
