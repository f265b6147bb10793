package postgres_test

import (
	"testing"

	"go.uber.org/goleak"

	"hotdrop/core/postgres"
	"hotdrop/core/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, url string) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func openMigrated(t testing.TB, url string) *postgres.Store {
	t.Helper()
	store := open(t, url)
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store {
		t.Helper()
		return openMigrated(t, storetest.PostgresURL(t))
	})
}

func BenchmarkApply500(b *testing.B) {
	storetest.BenchmarkApply(b, openMigrated(b, storetest.PostgresURL(b)), false)
}

func BenchmarkApply500Scattered(b *testing.B) {
	storetest.BenchmarkApply(b, openMigrated(b, storetest.PostgresURL(b)), true)
}

func BenchmarkReserve500(b *testing.B) {
	storetest.BenchmarkReserve(b, openMigrated(b, storetest.PostgresURL(b)))
}

func BenchmarkSweep500(b *testing.B) {
	storetest.BenchmarkSweep(b, openMigrated(b, storetest.PostgresURL(b)))
}

func BenchmarkLoad256(b *testing.B) {
	storetest.BenchmarkLoad(b, openMigrated(b, storetest.PostgresURL(b)))
}
