package mechanictest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

// The size of the concurrency check.
const (
	askers  = 4
	askings = 8
)

// Verdict is what [Check] found.
type Verdict struct {
	Differences []campaignfile.Difference // how the decision differs from what the vector wants
	Complaints  []string                  // how the mechanic breaks the contract of core.Mechanic
	Usage       core.Usage                // what the decision cost
}

// Passed reports whether nothing is wrong.
func (v *Verdict) Passed() bool { return len(v.Differences) == 0 && len(v.Complaints) == 0 }

// Check holds what m decides against the vector, and m against its contract: the decision is pure (equal effects and fuel
// when asked again, after another mechanic, and by several goroutines), facts and earlier effects are left alone, effects
// are named in the manifest and allowed at the hook, and nothing is proposed at hooks the mechanic does not have. It asks
// some 40 times.
func Check(m core.Mechanic, v *campaignfile.Vector) Verdict {
	first, complaints := ask(m, v.Hook, &v.Facts, nil)
	complaints = append(complaints, checkKinds(m.Manifest(), v.Hook, first.Effects)...)
	complaints = append(complaints, checkRepeated(m, v, first)...)
	complaints = append(complaints, checkPrefix(m, v, first)...)
	complaints = append(complaints, checkConcurrent(m, v, first)...)
	complaints = append(complaints, checkOtherHooks(m, v)...)
	return Verdict{Differences: v.Compare(first.Effects, first.err), Complaints: complaints, Usage: first.Usage}
}

// checkOutcome returns how a decision differs from what the vector wants.
func checkOutcome(m core.Mechanic, v *campaignfile.Vector) []string {
	got, complaints := ask(m, v.Hook, &v.Facts, nil)
	return append(told(v.Compare(got.Effects, got.err)), complaints...)
}

// told renders differences for the log of a Go test.
func told(differences []campaignfile.Difference) []string {
	complaints := make([]string, len(differences))
	for i, d := range differences {
		complaints[i] = fmt.Sprintf("%s differs:\n%s%s", d.Path, marked("- want ", d.Want), marked("+ got  ", d.Got))
	}
	return complaints
}

// marked puts the mark in front of every line of text; no text is nothing.
func marked(mark, text string) string {
	return mark + strings.ReplaceAll(cmp.Or(text, "nothing"), "\n", "\n"+mark) + "\n"
}

// answer is what a mechanic did when it was asked.
type answer struct {
	Effects []core.Effect
	Usage   core.Usage
	Code    string // of the failure; "" if it decided
	err     error  // the failure itself
}

// ask asks once, on a copy of the facts. The second result is what was wrong with the way it answered.
func ask(m core.Mechanic, hook core.Hook, facts *core.Facts, earlier []core.Effect) (answer, []string) {
	own, before := clone(facts), slices.Clone(earlier)
	effects, usage, err := m.Decide(hook, own, earlier)
	var complaints []string
	if !reflect.DeepEqual(own, clone(facts)) {
		complaints = append(complaints, "it changed the facts")
	}
	if err != nil {
		failure, ok := errors.AsType[*core.MechanicError](err)
		if !ok {
			return answer{Code: "?", err: err}, append(complaints, fmt.Sprintf("it failed with a %T, not a *core.MechanicError", err))
		}
		return answer{Usage: usage, Code: failure.Code, err: err}, complaints
	}
	if len(effects) < len(before) || !slices.Equal(effects[:len(before)], before) {
		return answer{Usage: usage}, append(complaints, "it did not keep the effects that were there before its own")
	}
	return answer{Effects: effects[len(before):], Usage: usage}, complaints
}

// clone copies facts so that nothing is shared.
func clone(facts *core.Facts) *core.Facts {
	own := *facts
	own.Shopper.Tags = slices.Clone(facts.Shopper.Tags)
	own.Quota = maps.Clone(facts.Quota)
	own.Input, _ = cloneValue(facts.Input).(core.Object)
	own.Config, _ = cloneValue(facts.Config).(core.Object)
	return &own
}

func cloneValue(value any) any {
	switch v := value.(type) {
	case core.Object:
		object := maps.Clone(v)
		for key := range object {
			object[key] = cloneValue(object[key])
		}
		return object
	case []any:
		list := slices.Clone(v)
		for i := range list {
			list[i] = cloneValue(list[i])
		}
		return list
	default:
		return value
	}
}

// checkKinds returns the effects that the mechanic may not propose, and data that is not a JSON object.
func checkKinds(manifest *core.Manifest, hook core.Hook, effects []core.Effect) []string {
	var complaints []string
	for _, e := range effects {
		if !e.Kind.Allowed(hook) {
			complaints = append(complaints, fmt.Sprintf("the effect %s is not allowed at the hook %s", e.Kind, hook))
		}
		if !slices.Contains(manifest.Effects, e.Kind) {
			complaints = append(complaints, fmt.Sprintf("the effect %s is not in the manifest", e.Kind))
		}
		if e.Data == "" {
			continue
		}
		if _, err := core.CanonicalData(e.Data); err != nil {
			complaints = append(complaints, fmt.Sprintf("the data of %s: %v", e.Kind, err))
		}
	}
	return complaints
}

func checkRepeated(m core.Mechanic, v *campaignfile.Vector, first answer) []string {
	again, complaints := ask(m, v.Hook, &v.Facts, nil)
	if !same(again, first) {
		complaints = append(complaints, differs("asked again", first, again))
	}
	return complaints
}

func same(a, b answer) bool {
	return slices.Equal(a.Effects, b.Effects) && a.Usage == b.Usage && a.Code == b.Code
}

func differs(when string, want, got answer) string {
	return fmt.Sprintf("%s it answered differently:\n%sfuel %d, failure %q\n%sfuel %d, failure %q",
		when, listed("- ", want), want.Usage.Fuel, want.Code, listed("+ ", got), got.Usage.Fuel, got.Code)
}

// listed renders the effects of an answer.
func listed(mark string, a answer) string { return marked(mark, campaignfile.EffectsText(a.Effects)) }

// checkPrefix asks with another mechanic's effect already in the slice, once with room behind it and once without.
func checkPrefix(m core.Mechanic, v *campaignfile.Vector, first answer) []string {
	var complaints []string
	for _, room := range []int{0, 16} {
		earlier := make([]core.Effect, 1, 1+room)
		earlier[0] = core.Effect{Kind: core.EffectTag, Name: "earlier", Value: "binding"}
		got, wrong := ask(m, v.Hook, &v.Facts, earlier)
		complaints = append(complaints, wrong...)
		if len(wrong) == 0 && !same(got, first) {
			complaints = append(complaints, differs("asked after another mechanic", first, got))
		}
	}
	return complaints
}

// checkConcurrent asks from several goroutines at once; the race detector sees what the answers do not show.
func checkConcurrent(m core.Mechanic, v *campaignfile.Vector, first answer) []string {
	found := make([][]string, askers)
	var all sync.WaitGroup
	for i := range askers {
		all.Go(func() {
			for range askings {
				got, wrong := ask(m, v.Hook, &v.Facts, nil)
				found[i] = append(found[i], wrong...)
				if !same(got, first) {
					found[i] = append(found[i], differs("asked by several at once", first, got))
				}
			}
		})
	}
	all.Wait()
	if complaints := slices.Concat(found...); len(complaints) > 0 {
		return complaints[:1]
	}
	return nil
}

// checkOtherHooks asks at every hook that the manifest does not name.
func checkOtherHooks(m core.Mechanic, v *campaignfile.Vector) []string {
	var complaints []string
	hooks := []core.Hook{core.HookReserve, core.HookShare, core.HookQuote, core.HookPaid, core.HookMessage}
	for _, hook := range hooks {
		if slices.Contains(m.Manifest().Hooks, hook) {
			continue
		}
		got, wrong := ask(m, hook, &v.Facts, nil)
		complaints = append(complaints, wrong...)
		if len(got.Effects) > 0 || got.Code != "" {
			complaints = append(complaints, fmt.Sprintf("it does not have the hook %s, but answered it:\n%s%s", hook, listed("  ", got), got.Code))
		}
	}
	return complaints
}
