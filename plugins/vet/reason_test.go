package vet

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestAReasonReadsOnOneLine(t *testing.T) {
	for want, r := range map[string]Reason{
		"trap: unreachable":                      {Code: "trap", Message: "unreachable"},
		"trap: vectors[2]: unreachable (run it)": {Code: "trap", Place: "vectors[2]", Message: "unreachable", Hint: "run it"},
	} {
		if got := r.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWhatAModuleSaysCannotMoveTheReadersCursor(t *testing.T) {
	r := reasonf("failed", "a\x1b[2Jb", "it said %q and %s", "x", "\u202egnp.exe\r\n\x00")
	if want := "failed: a�[2Jb: it said \"x\" and �gnp.exe���"; !strings.HasPrefix(r.String(), want) {
		t.Errorf("got %q, want %q", r, want)
	}
}

func TestEveryRefusalOfItsOwnHasANextThingToTry(t *testing.T) {
	for _, code := range []string{
		CodeModuleTooLarge, CodeManifestMissing, CodeManifestInvalid, CodeVectorsMissing, CodeVectorsInvalid, CodeLoadRefused,
		CodeCompileFailed, CodeVettingLimit, CodeVectorFailed, CodeNotDeterministic, CodeFactUnused, CodeEffectUnused, CodeAboveLine,
		"out_of_fuel", "memory_limit", "depth_limit", "trap", "bad_effect", "bad_string", "undeclared_fact", "wrong_kind", "failed",
		"import_refused", "export_refused", "decode_error", "unsupported",
	} {
		if reasonf(code, "", "x").Hint == "" {
			t.Errorf("%s has no hint", code)
		}
	}
}

func TestCleanTextsAreShortPrintableAndKeepWhatTheyCan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, most := rapid.String().Draw(t, "s"), rapid.IntRange(8, 40).Draw(t, "most")
		got := clean(s, most)
		if len(got) > most || !utf8.ValidString(got) || strings.ContainsFunc(got, func(c rune) bool { return !unicode.IsPrint(c) }) {
			t.Fatalf("%q", got)
		}
		if printable := !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }); printable && len(s) <= most && got != s {
			t.Fatalf("%q became %q", s, got)
		}
	})
	if got := clean(strings.Repeat("好", 10), 14); got != "好好好…" {
		t.Errorf("got %q", got)
	}
	if got := clean("\xff\xfe", 40); got != "��" {
		t.Errorf("got %q", got)
	}
}
