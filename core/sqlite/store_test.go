package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"hotdrop/core"
	"hotdrop/core/sqlite"
	"hotdrop/core/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, dir string, opts ...sqlite.Option) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), dir, opts...)
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

func openMigrated(t testing.TB, dir string, opts ...sqlite.Option) *sqlite.Store {
	t.Helper()
	store := open(t, dir, opts...)
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store {
		t.Helper()
		return openMigrated(t, t.TempDir())
	})
}

func BenchmarkApply500(b *testing.B) {
	storetest.BenchmarkApply(b, openMigrated(b, b.TempDir()), false)
}

func BenchmarkApply500Scattered(b *testing.B) {
	storetest.BenchmarkApply(b, openMigrated(b, b.TempDir()), true)
}

func BenchmarkReserve500(b *testing.B) {
	storetest.BenchmarkReserve(b, openMigrated(b, b.TempDir()))
}

func BenchmarkSweep500(b *testing.B) {
	storetest.BenchmarkSweep(b, openMigrated(b, b.TempDir()))
}

func BenchmarkLoad256(b *testing.B) {
	storetest.BenchmarkLoad(b, openMigrated(b, b.TempDir()))
}

var _ = errors.Is
var _ = os.Stat
var _ = filepath.Join
var _ = strings.Contains

func TestAFolderCanBeReadBesideItsProcess(t *testing.T) {
	dir := t.TempDir()
	if _, err := sqlite.OpenReadOnly(t.Context(), dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder without a database: %v", err)
	}
	live, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = live.Close() }()
	if err := live.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	reader, err := sqlite.OpenReadOnly(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	post := []core.Transfer{{ID: "t", Kind: core.TransferTopUp, From: core.AccountOutside, To: "shopper/a", Currency: "CNY", Amount: 1}}
	if err := reader.Post(t.Context(), post); err == nil {
		t.Error("a reader wrote")
	}
	if err := live.Post(t.Context(), post); err != nil {
		t.Fatal(err)
	}
	balances, err := reader.Wallet(t.Context(), "shopper/a")
	if err != nil || balances["CNY"] != 1 {
		t.Errorf("the reader sees %v, %v", balances, err)
	}
}
