package main

import (
	"fmt"
	"strings"
	"unicode"

	"hotdrop/core"
)

// fileProblems is what is wrong with a file, for people: each problem behind the file's name, and the line it is in
// with a caret below the place.
type fileProblems struct {
	file     string
	problems []core.Problem
}

// fileError names the file in an error that is a list of problems; other errors, and nil, come back as they are.
func fileError(file string, err error) error {
	problems, ok := err.(*core.Problems) //nolint:errorlint // readers and compilers return it bare
	if !ok {
		return err
	}
	return &fileProblems{file, problems.List}
}

// Error implements error.
func (f *fileProblems) Error() string {
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, "%s has %d problems", f.file, len(f.problems))
	if len(f.problems) == 1 {
		text.Reset()
		text.WriteString(f.file + " has a problem")
	}
	for _, p := range f.problems {
		separator := ": "
		if p.Line > 0 {
			separator = ":"
		}
		text.WriteString("\n" + f.file + separator + p.String() + caretBelow(p))
	}
	return text.String()
}

// caretBelow renders the problem's line and marks the column. The snippet of a long line is cut, and no caret says more
// than one in the wrong place.
func caretBelow(p core.Problem) string {
	if p.Snippet == "" {
		return ""
	}
	runes := []rune(p.Snippet)
	if p.Column < 1 || p.Column > len(runes)+1 || strings.HasPrefix(p.Snippet, "…") {
		return "\n    " + p.Snippet
	}
	var indent strings.Builder
	for _, r := range runes[:p.Column-1] {
		switch {
		case r == '\t':
			indent.WriteByte('\t')
		case wide(r):
			indent.WriteString("  ")
		default:
			indent.WriteByte(' ')
		}
	}
	return "\n    " + p.Snippet + "\n    " + indent.String() + "^"
}

// wide reports whether a terminal shows the character two columns wide: Chinese, Japanese, Korean and full-width forms.
func wide(r rune) bool {
	punctuation, fullWidth := r >= 0x3000 && r <= 0x303f, r >= 0xff01 && r <= 0xff60
	return punctuation || fullWidth || unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana)
}
