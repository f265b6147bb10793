package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestColoursAreForTerminals(t *testing.T) {
	device, err := os.Open("/dev/null") // a device of characters, like a terminal
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	if !paintOn(device) || paintOn(&bytes.Buffer{}) {
		t.Error("colours where there is no terminal, or none where there is one")
	}
	t.Setenv("TERM", "dumb")
	if paintOn(device) {
		t.Error("a dumb terminal has no colours")
	}
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "1")
	if paintOn(device) {
		t.Error("NO_COLOR asks for none")
	}
	report := &testReport{Failed: 1, Mechanics: []testedSource{{Mechanic: "m", Kind: kindRule, Vectors: []testedVector{{Name: "v", Complaints: []string{"c"}}}}}}
	if got := report.text(true, false); !strings.HasPrefix(got, "\x1b[31mFAIL\x1b[0m  m (rule)") {
		t.Errorf("%q", got)
	}
	if got := report.text(false, false); strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
}

func TestNumbersReadWell(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -12: "-12"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
	for ns, want := range map[int64]string{0: "0 ns", 999: "999 ns", 1_000: "1.0 µs", 1_250_000: "1.2 ms"} {
		if got := duration(ns); got != want {
			t.Errorf("%d ns is %s", ns, got)
		}
	}
	if count(1, "vector") != "1 vector" || count(0, "vector") != "0 vectors" || percent(1, 8) != "12.5 %" {
		t.Error("a count or a share")
	}
}

func TestColumnsAreThoseOfATerminal(t *testing.T) {
	for _, tc := range []struct {
		text    string
		columns int
		want    string
	}{
		{"abc", 5, "abc  "}, {"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"折抵", 5, "折抵 "}, {"折抵金", 5, "折抵…"}, {"折抵金", 4, "折… "},
	} {
		if got := padded(tc.text, tc.columns); got != tc.want {
			t.Errorf("%s in %d columns is %q, want %q", tc.text, tc.columns, got, tc.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text, columns := rapid.StringMatching(`[a-z折抵 ]{0,20}`).Draw(t, "text"), rapid.IntRange(2, 20).Draw(t, "columns")
		if got := width(padded(text, columns)); got != columns {
			t.Fatalf("%q takes %d columns, not %d", padded(text, columns), got, columns)
		}
	})
}
