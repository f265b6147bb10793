package core

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestALongNameIsNearToNothing(t *testing.T) {
	for _, n := range []int{maxNear, maxNear + 1} {
		known := strings.Repeat("k", n)
		if got, want := Nearest(known[1:]+"x", []string{known}), n <= maxNear; (got != "") != want {
			t.Errorf("of %d bytes: %q", n, got)
		}
	}
	many := slices.Repeat([]string{"other"}, maxKnown)
	if got := Nearest("quota", append(many, "quotas")); got != "" {
		t.Errorf("looked at more than %d names: %q", maxKnown, got)
	}
}

func TestTheNearestNameIsTheOneOfTheFewestEdits(t *testing.T) {
	names := rapid.StringMatching(`[ab]{0,9}`)
	rapid.Check(t, func(t *rapid.T) {
		name, known := names.Draw(t, "name"), rapid.SliceOf(names).Draw(t, "known")
		best, want := 1<<30, ""
		for _, k := range known {
			if d := edits(name, k); d < best && d <= (len(k)+2)/3 {
				best, want = d, k
			}
		}
		if got := Nearest(name, known); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

// edits is the number of edits by its definition.
func edits(a, b string) int {
	switch {
	case a == "" || b == "":
		return len(a) + len(b)
	case a[0] == b[0]:
		return edits(a[1:], b[1:])
	default:
		return 1 + min(edits(a[1:], b), edits(a, b[1:]), edits(a[1:], b[1:]))
	}
}

// Whoever sends a file of mistakes pays for it more than whoever reads it.
func TestAManifestOfMistakesHasItsAnswerAfterTheFirstHundred(t *testing.T) {
	many := make([]string, 5_000)
	for i := range many {
		many[i] = fmt.Sprintf("%d-of-many", i)
	}
	list := make([]any, len(many))
	config := Object{}
	parameters := map[string]Param{}
	for i, name := range many {
		list[i], config[name] = "x"+name, "x"
		parameters[name] = Param{Type: "integex"}
	}
	values := map[string]Param{"a": {Type: "list", Of: "string", Values: many, Default: list}}
	for name, check := range map[string]func() *Problems{
		"hooks":      (&Manifest{Name: "m", Hooks: named[Hook](many)}).Validate,
		"facts":      (&Manifest{Name: "m", Hooks: Hooks(), Facts: many}).Validate,
		"effects":    (&Manifest{Name: "m", Hooks: Hooks(), Effects: named[EffectKind](many)}).Validate,
		"parameters": (&Manifest{Name: "m", Hooks: Hooks(), Config: parameters}).Validate,
		"values":     (&Manifest{Name: "m", Hooks: Hooks(), Config: values}).Validate,
		"config": func() *Problems {
			_, problems := (&Manifest{Name: "m", Config: map[string]Param{"b": {Type: "integer"}}}).Configure(config)
			return problems
		},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			problems := check()
			runtime.ReadMemStats(&after)
			if n := len(problems.List); n < maxProblems || n > maxProblems+3 {
				t.Errorf("%d problems", n)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
				t.Errorf("%d bytes were allocated", used)
			}
		})
	}
}

func named[S ~string](names []string) []S {
	list := make([]S, len(names))
	for i, name := range names {
		list[i] = S(name)
	}
	return list
}

func TestAMessageListsOnlySoManyValues(t *testing.T) {
	values := strings.Split(strings.Repeat("v,", maxListed)+"last,one", ",")
	problems := &Problems{}
	Param{Type: "string", Values: values}.check("config.a", "zzzz", problems)
	if got := problems.Error(); !strings.Contains(got, `"v"] and 2 others, not "zzzz"`) {
		t.Error(got)
	}
}
