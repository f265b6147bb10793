package core_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
)

func newPseudonyms(t *testing.T, filler byte) *core.Pseudonyms {
	t.Helper()
	p, err := core.NewPseudonyms(bytes.Repeat([]byte{filler}, core.PseudonymSecretSize))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPseudonymIsTheSameForEver(t *testing.T) {
	// Written down once: a change of it would give every shopper of every brand another identity.
	const want = "s_obsq4hituyoii4754gmgp2k7j2"
	if got := newPseudonyms(t, 7).Of("xiaomi", "https://id.xiaomi.example", "+86 138 0000 0000"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPseudonymsSaySoAndSayNothingElse(t *testing.T) {
	shape := regexp.MustCompile(`^s_[a-z2-7]{26}$`)
	pseudonyms := newPseudonyms(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		subject := rapid.String().Draw(t, "subject")
		name := pseudonyms.Of("xiaomi", "https://id.example", subject)
		if !shape.MatchString(name) || (len(subject) > 3 && strings.Contains(name, subject)) {
			t.Errorf("%q is called %q", subject, name)
		}
	})
}

func TestOtherPartsAreOtherPseudonymsWhereverTheyAreCut(t *testing.T) {
	one, other := newPseudonyms(t, 1), newPseudonyms(t, 2)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(3, 60, -1).Draw(t, "text")
		cut := rapid.Custom(func(t *rapid.T) [2]int {
			a := rapid.IntRange(0, len(text)).Draw(t, "a")
			return [2]int{a, rapid.IntRange(a, len(text)).Draw(t, "b")}
		})
		first, second := cut.Draw(t, "first"), cut.Draw(t, "second")
		name := func(p *core.Pseudonyms, c [2]int) string { return p.Of(text[:c[0]], text[c[0]:c[1]], text[c[1]:]) }
		if same := name(one, first) == name(one, second); same != (first == second) {
			t.Errorf("%q cut at %v and at %v: the same is %v", text, first, second, same)
		}
		if name(one, first) == name(other, first) {
			t.Error("another secret makes the same pseudonym")
		}
	})
}

func TestASecretThatCanBeTriedIsNone(t *testing.T) {
	for _, size := range []int{0, 1, core.PseudonymSecretSize - 1} {
		if _, err := core.NewPseudonyms(make([]byte, size)); core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
