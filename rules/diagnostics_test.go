package rules_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"errors"

	"hotdrop/core"
	"hotdrop/rules"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestDiagnostics: each testdata/NAME.yaml is a broken rule, and NAME.txt what its author is told.
func TestDiagnostics(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no broken rules: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = rules.Parse(source)
			problems, ok := errors.AsType[*core.Problems](err)
			if !ok {
				t.Fatalf("got %v, want problems", err)
			}
			compareGolden(t, strings.TrimSuffix(file, ".yaml")+".txt", report(problems.List))
		})
	}
}

// report renders the problems as an editor would show them, with a mark under the column.
func report(problems []core.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s\n", p)
		if p.Line > 0 && p.Column <= utf8.RuneCountInString(p.Snippet)+1 {
			fmt.Fprintf(&b, "    %s\n    %s^\n", p.Snippet, strings.Repeat(" ", p.Column-1))
		}
	}
	return b.String()
}

func compareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s", file, got)
	}
}
