package mechanictest

import (
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

// answer is what a mechanic did when it was asked.
type answer struct {
	Effects []core.Effect
	Usage   core.Usage
	Code    string // of the failure; "" if it decided
	Failure string // what the failure said
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
			return answer{Code: "?", Failure: err.Error()}, append(complaints, fmt.Sprintf("it failed with a %T, not a *core.MechanicError", err))
		}
		return answer{Code: failure.Code, Failure: failure.Message}, complaints
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

// checkVector returns everything wrong with what m does for the vector.
func checkVector(m core.Mechanic, v *campaignfile.Vector) []string {
	first, complaints := ask(m, v.Hook, &v.Facts, nil)
	complaints = append(complaints, expect(v, first)...)
	complaints = append(complaints, checkKinds(m.Manifest(), v.Hook, first.Effects)...)
	complaints = append(complaints, checkRepeated(m, v, first)...)
	complaints = append(complaints, checkPrefix(m, v, first)...)
	complaints = append(complaints, checkConcurrent(m, v, first)...)
	return append(complaints, checkOtherHooks(m, v)...)
}

// checkOutcome returns how a decision differs from what the vector expects.
func checkOutcome(m core.Mechanic, v *campaignfile.Vector) []string {
	got, complaints := ask(m, v.Hook, &v.Facts, nil)
	return append(complaints, expect(v, got)...)
}

func expect(v *campaignfile.Vector, got answer) []string {
	switch {
	case v.Error != "":
		return expectFailure(v.Error, got)
	case got.Code != "":
		return []string{fmt.Sprintf("it failed with %s: %s", got.Code, got.Failure)}
	case v.Denied != "":
		return expectDenial(v.Denied, got.Effects)
	default:
		return expectEffects(v.Effects, got.Effects)
	}
}

func expectFailure(code string, got answer) []string {
	switch got.Code {
	case code:
		return nil
	case "":
		return []string{fmt.Sprintf("want the failure %s, but it decided:\n%s", code, lines("  ", got.Effects))}
	default:
		return []string{fmt.Sprintf("want the failure %s, got %s: %s", code, got.Code, got.Failure)}
	}
}

func expectDenial(reason string, got []core.Effect) []string {
	if len(got) == 1 && got[0].Kind == core.EffectDeny && got[0].Name == reason {
		return nil
	}
	return []string{fmt.Sprintf("want only a deny with the reason %s, got:\n%s", reason, lines("  ", got))}
}

// expectEffects compares effects by their canonical JSON, texts in the languages that are expected.
func expectEffects(want, got []core.Effect) []string {
	shown := slices.Clone(got)
	for i := range shown {
		if i < len(want) && want[i].Kind == shown[i].Kind && want[i].Text.ZH == "" {
			shown[i].Text.ZH = ""
		}
	}
	wanted, proposed := lines("- ", want), lines("+ ", shown)
	if strings.ReplaceAll(wanted, "- {", "+ {") == proposed {
		return nil
	}
	return []string{"the effects differ (- want, + got):\n" + wanted + proposed}
}

// lines renders effects as one line of JSON each, data with sorted keys.
func lines(mark string, effects []core.Effect) string {
	var text strings.Builder
	for _, e := range effects {
		if canonical, err := core.CanonicalData(e.Data); err == nil {
			e.Data = canonical
		}
		line, err := e.MarshalJSON()
		if err != nil {
			line = []byte(err.Error())
		}
		text.WriteString(mark + string(line) + "\n")
	}
	if len(effects) == 0 {
		text.WriteString(mark + "{nothing}\n")
	}
	return text.String()
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
		when, lines("- ", want.Effects), want.Usage.Fuel, want.Code, lines("+ ", got.Effects), got.Usage.Fuel, got.Code)
}

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
			complaints = append(complaints, fmt.Sprintf("it does not have the hook %s, but answered it:\n%s%s", hook, lines("  ", got.Effects), got.Code))
		}
	}
	return complaints
}
