package campaignfile

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotdrop/core"
)

// updating returns whether golden files are rewritten: go test -update.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite the golden files")
	os.Exit(m.Run())
}

// golden compares text with a golden file.
func golden(t *testing.T, path, text string) {
	t.Helper()
	if updating() {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != text {
		t.Errorf("%s differs (update with -update)\ngot:\n%s\nwant:\n%s", path, text, want)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func problemsOf(t *testing.T, err error) *core.Problems {
	t.Helper()
	problems, ok := errors.AsType[*core.Problems](err)
	if !ok {
		t.Fatalf("want problems, got %v", err)
	}
	return problems
}

// reportOf renders an error as people see it, and below every problem what stands at its place in the file.
func reportOf(t *testing.T, data []byte, err error) string {
	t.Helper()
	var text strings.Builder
	for _, p := range problemsOf(t, err).List {
		text.WriteString(p.String() + "\n")
		if p.Line > 0 {
			text.WriteString("    in: " + strings.ToValidUTF8(p.Snippet, "?") + "\n")
			text.WriteString("    at: " + standsAt(data, place{p.Line, p.Column}) + "\n")
		}
	}
	return text.String()
}

// standsAt returns the start of the text at a place, found without the package's own helpers.
func standsAt(data []byte, at place) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(string(data), "?"), "\r\n", "\n")
	line := []rune(strings.Split(text, "\n")[at.line-1])
	return string(line[at.column-1 : min(len(line), at.column+24)])
}

func TestEveryProblemOfABadCampaignFileIsLocated(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".yaml")
		t.Run(strings.ReplaceAll(filepath.Base(name), "_", " "), func(t *testing.T) {
			data := readFile(t, file)
			campaign, located, err := Parse(data)
			if campaign != nil || located == nil {
				t.Errorf("campaign %v, file %v: want no campaign, but a file", campaign, located)
			}
			golden(t, name+".golden", reportOf(t, data, err))
		})
	}
}
