package corpus

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"hotdrop/plugins"
	"hotdrop/plugins/vet"
)

// asChild makes the test binary be the vetting child, as the hidden command of hotdrop is.
const asChild = "vet-child"

func TestMain(m *testing.M) {
	if slices.Contains(os.Args, asChild) {
		if err := vet.Child(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func newHost(t *testing.T, options plugins.Options) *plugins.Host {
	t.Helper()
	host, err := plugins.NewHost(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return host
}

// each runs the test on every module of the stages.
func each(t *testing.T, test func(t *testing.T, m *Module), stages ...Stage) {
	t.Helper()
	for _, m := range Modules() {
		if slices.Contains(stages, m.Stage) {
			t.Run(m.Name, func(t *testing.T) { test(t, &m) })
		}
	}
}
