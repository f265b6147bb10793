package sqlite_test

import (
	"context"
	"errors"
	"testing"

	"hotdrop/core"
	"hotdrop/core/sqlite"
	"hotdrop/core/storetest"
)

func TestListeningEndsWithTheStore(t *testing.T) {
	store, err := sqlite.Open(t.Context(), t.TempDir())
	must(t, err)
	ear := storetest.Listen(t, store)
	must(t, store.Close())
	if err := ear.End(); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("listening ended with %v", err)
	}
	for _, err := range []error{
		store.Notify(context.Background(), "phone"), store.Listen(context.Background(), func(string) { t.Error("heard") }),
	} {
		if !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("got the error %v", err)
		}
	}
}

func BenchmarkQuotes(b *testing.B) {
	storetest.BenchmarkQuotes(b, openMigrated(b, b.TempDir()))
}
