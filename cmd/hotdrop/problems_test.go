package main

import (
	"errors"
	"testing"

	"hotdrop/core"
)

func TestAProblemIsShownWhereItIs(t *testing.T) {
	for _, test := range []struct {
		name    string
		problem core.Problem
		want    string
	}{
		{
			"with line, hint and caret",
			core.Problem{Path: "items[0].prize", Line: 7, Column: 5, Message: "there is no such key", Snippet: "    prize: 5", Hint: "did you mean price?"},
			"f.yaml has a problem\nf.yaml:7:5: items[0].prize: there is no such key (did you mean price?)\n        prize: 5\n        ^",
		},
		{
			"tabs stay tabs, so that the caret is below the place",
			core.Problem{Line: 1, Column: 3, Message: "m", Snippet: "\ta b"},
			"f.yaml has a problem\nf.yaml:1:3: m\n    \ta b\n    \t ^",
		},
		{
			"a Chinese character is two columns wide",
			core.Problem{Line: 1, Column: 4, Message: "m", Snippet: "折抵 x"},
			"f.yaml has a problem\nf.yaml:1:4: m\n    折抵 x\n         ^",
		},
		{
			"a line that was cut in front has no caret",
			core.Problem{Line: 1, Column: 200, Message: "m", Snippet: "…the rest"},
			"f.yaml has a problem\nf.yaml:1:200: m\n    …the rest",
		},
		{
			"without a place",
			core.Problem{Path: "ruleset[0]", Message: "m"},
			"f.yaml has a problem\nf.yaml: ruleset[0]: m",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := fileError("f.yaml", &core.Problems{List: []core.Problem{test.problem}}).Error()
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestOnlyProblemsGetTheFilesName(t *testing.T) {
	failure := errors.New("failure")
	if fileError("f", nil) != nil || !errors.Is(fileError("f", failure), failure) {
		t.Error("another error was changed")
	}
	two := fileError("f", &core.Problems{List: []core.Problem{{Message: "a"}, {Message: "b"}}})
	if want := "f has 2 problems\nf: a\nf: b"; two.Error() != want {
		t.Errorf("got %q, want %q", two, want)
	}
}
