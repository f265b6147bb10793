package campaignfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"hotdrop/core"
)

// FuzzDecode holds the decoder against whatever a stranger may send: it does not panic, every problem is inside the
// file, locating odd paths stays inside it too, and what parses is exported and parses again.
func FuzzDecode(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range append(seeds, "testdata/example.yaml", "testdata/example.vectors.yaml") {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "items[0].title", 3)
	}
	f.Fuzz(func(t *testing.T, data []byte, path string, offset int) {
		campaign, file, err := Parse(data)
		inside(t, file, err)
		located := &core.Problems{List: []core.Problem{{Path: path, Offset: offset}}}
		file.Locate(located)
		inside(t, file, located)
		if err == nil {
			exported, err := Marshal(campaign)
			if err != nil {
				t.Fatalf("%v\n%s", err, data)
			}
			if _, _, err := Parse(exported); err != nil {
				t.Fatalf("%v\n%s", err, exported)
			}
		}
		_, err = ParseVectors(data)
		inside(t, file, err)
	})
}

// inside fails unless every located problem is at a place that the file has.
func inside(t *testing.T, file *File, err error) {
	t.Helper()
	problems, ok := errors.AsType[*core.Problems](err)
	if !ok {
		return
	}
	for _, p := range problems.List {
		if p.Line == 0 || len(file.lines) == 0 {
			continue
		}
		if p.Line > len(file.lines) || p.Column < 1 || p.Column > len([]rune(file.line(p.Line)))+1 {
			t.Fatalf("%s is not in the file of %d lines", p, len(file.lines))
		}
	}
}
