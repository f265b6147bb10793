package rules

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
)

func TestTheTypesAreThoseOfTheVocabulary(t *testing.T) {
	types := factTypes()
	var paths []string
	for path, typ := range types {
		paths = append(paths, path)
		if typ.kind == kindAny {
			t.Errorf("%s has no type", path)
		}
	}
	slices.Sort(paths)
	if !slices.Equal(paths, core.FactPaths()) {
		t.Errorf("got %v, want %v", paths, core.FactPaths())
	}
}

// scalars draws values of every kind, zero values often.
func scalars() *rapid.Generator[value] {
	return rapid.Custom(func(t *rapid.T) value {
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			return value{}
		case 1:
			return integer(rapid.Int64Range(-1, 1).Draw(t, "integer"))
		case 2:
			return boolean(rapid.Bool().Draw(t, "boolean"))
		case 3:
			return text(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "text"))
		default:
			return listOf(make(items, rapid.IntRange(0, 1).Draw(t, "size")))
		}
	})
}

func TestEqualityIsSymmetricAndAbsenceEqualsEveryZero(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := scalars().Draw(t, "a"), scalars().Draw(t, "b")
		if same(a, b) != same(b, a) {
			t.Fatalf("%v and %v are equal in one direction", a, b)
		}
		if a.kind != core.ValueList && !same(a, a) {
			t.Fatalf("%v is not itself", a)
		}
		if same(value{}, a) != a.isNothing() {
			t.Fatalf("absence and %v", a)
		}
		if differ := a.kind != b.kind && !a.isAbsent() && !b.isAbsent(); differ && same(a, b) {
			t.Fatalf("%v equals %v of another kind", a, b)
		}
	})
}

func TestCostsSaturate(t *testing.T) {
	for _, test := range []struct{ total, cost, times, least int64 }{
		{1, 2, 3, 7}, {0, 0, 1 << 62, 0}, {1 << 40, 1, 1, 1 << 40}, {0, 1 << 39, 1 << 39, 1 << 40}, {1, 1 << 62, 1 << 62, 1 << 40},
	} {
		if got := saturate(test.total, test.cost, test.times); got < test.least || got < 0 {
			t.Errorf("saturate(%d, %d, %d) = %d, want %d or more", test.total, test.cost, test.times, got, test.least)
		}
	}
}

// TestScopesDoNotShareSlots: what is in scope at once stands in different slots, and what is not may share.
func TestScopesDoNotShareSlots(t *testing.T) {
	for expression, slots := range map[string]int{
		"1":                       0,
		"let a = 1; a":            2,
		"all(shopper.tags, true)": 2,
		"all(shopper.tags, true) && all(shopper.tags, true)":                        2,
		"let a = 1; let b = 2; a + b":                                               3,
		"let a = 1; all(shopper.tags, {let b = 2; any(shopper.tags, len(#) == b)})": 6,
	} {
		c := newCompiler(nil, nil)
		c.expression("when", expression, kindAny)
		if len(c.problem) > 0 || c.slots != slots {
			t.Errorf("%s needs %d slots (%v), want %d", expression, c.slots, c.problem, slots)
		}
	}
}

func TestAFailedFrameKeepsItsFirstFailure(t *testing.T) {
	f := &frame{steps: maxSteps}
	f.fail("overflow", "first")
	f.fail("failed", "second")
	if f.spend(1) || f.err.Code != "overflow" {
		t.Errorf("steps are left, or the failure is %v", f.err)
	}
}

func TestPlainWords(t *testing.T) {
	for message, want := range map[string]string{
		`unexpected token Operator("&&")`:  `unexpected "&&"`,
		`unexpected token Bracket("(")`:    `unexpected "("`,
		`expected name`:                    `expected name`,
		`expected at least 2 (or more)`:    `expected at least 2 (or more)`,
		`unexpected token String("a(b)c")`: `unexpected "a(b)c"`,
	} {
		if got := plainWords(message); got != want {
			t.Errorf("%s became %s, want %s", message, got, want)
		}
	}
}
