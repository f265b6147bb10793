package vet

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

// What the test binary can be instead of a test. It is an argument, as the child has no environment.
const (
	asChild    = "vet-child"    // the vetting child, as the hidden command of hotdrop is
	asReporter = "vet-reporter" // a child that says what it is allowed
	asParent   = "vet-parent"   // a process that vets a module which never ends
)

func TestMain(m *testing.M) {
	for role, be := range map[string]func() error{
		asChild:    func() error { return Child(context.Background(), os.Stdin, os.Stdout) },
		asReporter: reportConfinement,
		asParent:   vetForever,
	} {
		if !slices.Contains(os.Args[1:], role) {
			continue
		}
		if err := be(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Bool("update", false, "rewrite the golden files")
	goleak.VerifyTestMain(m)
}

// as is the command line of this binary in a role.
func as(role string) []string {
	binary, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return []string{binary, role}
}

// golden compares text with a golden file; go test -update rewrites it.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if flag.Lookup("update").Value.String() == "true" {
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
