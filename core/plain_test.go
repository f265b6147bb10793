package core

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestAFailureIsKeptAsPlainText(t *testing.T) {
	for name, test := range map[string]struct{ said, want string }{
		"plain text is kept as it is":       {"out of fuel: 余额不足", "out of fuel: 余额不足"},
		"a NUL becomes a space":             {"bad\x00text", "bad text"},
		"a new line becomes a space":        {"bad\ntext", "bad text"},
		"what is no UTF-8 is marked":        {"bad\xfftext", "bad\ufffdtext"},
		"what is too long is cut":           {strings.Repeat("a", 300), strings.Repeat("a", 200)},
		"what is cut ends with whole runes": {strings.Repeat("余", 100), strings.Repeat("余", 66)},
		"as much as fits is kept":           {strings.Repeat("a", 200), strings.Repeat("a", 200)},
		"nothing stays nothing":             {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := plainFailure(test.said); got != test.want {
				t.Errorf("%q became %q", test.said, got)
			}
		})
	}
}

func TestWhateverAMechanicSaysIsKeptAsPlainText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		said := string(rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "said"))
		kept := plainFailure(said)
		if len(kept) > 200 || !utf8.ValidString(kept) || strings.ContainsFunc(kept, unicode.IsControl) {
			t.Fatalf("%q became %q", said, kept)
		}
		if plainFailure(kept) != kept {
			t.Fatalf("%q is not kept as it is", kept)
		}
	})
}
