package core

import (
	"context"
	"strconv"
	"testing"

	"hotdrop/core/drawing"
)

func TestExportsAreKeptWhileThereIsRoom(t *testing.T) {
	x := newExports()
	export := func(n, entries int) bool {
		made := false
		got, err := x.of(t.Context(), "phone", strconv.Itoa(n), func() (*DrawExport, error) {
			made = true
			return &DrawExport{Campaign: "phone", Draw: strconv.Itoa(n), Entries: make([]drawing.Entry, entries)}, nil
		})
		if err != nil || got.Draw != strconv.Itoa(n) {
			t.Fatalf("%+v, %v", got, err)
		}
		return made
	}
	for _, step := range []struct {
		draw, entries int
		made          bool
	}{
		{1, maxExported / 2, true}, {2, maxExported / 2, true},
		{1, maxExported / 2, false}, {2, maxExported / 2, false},
		{3, 1, true}, {2, 0, false}, // the first has gone
		{1, maxExported / 2, true}, {3, 0, false},
		{4, maxExported + 1, true}, {4, 0, false}, // the latest is kept whatever its size
		{3, 1, true},
	} {
		if made := export(step.draw, step.entries); made != step.made {
			t.Errorf("%+v: it was made: %t", step, made)
		}
	}
}

func TestWhoDoesNotWaitForTheExportOfAnotherLeaves(t *testing.T) {
	x := newExports()
	x.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := x.of(ctx, "phone", "prizes", func() (*DrawExport, error) { panic("it is not its turn") })
	if CodeOf(err) != CodeUnavailable {
		t.Error(err)
	}
}
