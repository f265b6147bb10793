package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pressly/goose/v3"
	"go.uber.org/goleak"
	driver "modernc.org/sqlite"

	"hotdrop/core"
	"hotdrop/core/sqlite"
	"hotdrop/core/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, dir string, opts ...sqlite.Option) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), dir, opts...)
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return store
}

func openMigrated(t testing.TB, dir string, opts ...sqlite.Option) *sqlite.Store {
	t.Helper()
	store := open(t, dir, opts...)
	must(t, store.Migrate(t.Context()))
	return store
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// past opens the file past the store, as a person with the sqlite3 program would.
func past(t testing.TB, dir string) *sql.DB {
	t.Helper()
	connector, err := driver.NewConnector("file:" + filepath.Join(dir, "hotdrop.db"))
	must(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func ask[T any](t testing.TB, dir, statement string) (answer T) {
	t.Helper()
	must(t, past(t, dir).QueryRowContext(t.Context(), statement).Scan(&answer))
	return answer
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store {
		t.Helper()
		return openMigrated(t, t.TempDir())
	})
}

// sale creates the campaign "sale" with stock of one item.
func sale(t testing.TB, store *sqlite.Store, stock int64) {
	t.Helper()
	must(t, store.SaveCampaign(t.Context(), &core.CampaignChange{
		Record: core.CampaignRecord{
			Definition: &core.Campaign{ID: "sale", Brand: "xiaomi"}, Revision: 1, Epoch: 1, Ruleset: core.Ruleset{Number: 1},
		},
		Limits:     map[string]int64{"stock/mi2": stock, core.CounterReservations: core.Unbounded},
		NewRuleset: true,
		Entry: core.StaffEntry{
			At: 7, Actor: "staff-1", Role: "operator", Brand: "xiaomi", Campaign: "sale", Action: "campaign.apply",
			Reason: "opening", After: []byte(`{"stock":1}`),
		},
	}))
}

// buy places an order of one unit by the shopper, with a quote of so many bytes.
func buy(shopper string, quote int) *core.Plan {
	id := fmt.Sprintf("sale.%026s", shopper)
	return &core.Plan{
		Campaign: "sale", Brand: "xiaomi", Epoch: 1,
		Claims: []core.Claim{{Shopper: shopper, Kind: core.ClaimLimit, Key: "mi2/1", Owner: id}},
		Orders: []*core.Order{{
			Campaign: "sale", ID: id, Brand: "xiaomi", Shopper: shopper, Currency: "CNY", Total: 199900, Revision: 1,
			State: core.OrderPlaced, TakesState: core.TakesOutstanding, Quote: []byte(`"` + strings.Repeat("q", quote) + `"`),
		}},
		Counters: []core.Delta{{Counter: "stock/mi2", Units: 1}},
	}
}

func TestAFolderIsMadeForItsOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a folder", "with 100% of #odd? characters")
	sale(t, openMigrated(t, dir), 10)
	info, err := os.Stat(dir)
	must(t, err)
	if mode := info.Mode().Perm(); mode != 0o700 {
		t.Errorf("its mode is %o", mode)
	}
	if _, err := os.Stat(filepath.Join(dir, "hotdrop.db")); err != nil {
		t.Error(err)
	}
}

func TestAFolderIsUsedByOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	first := openMigrated(t, dir)
	_, err := sqlite.Open(t.Context(), dir)
	if locked, ok := errors.AsType[*sqlite.LockedError](err); !ok || locked.Dir != dir || !strings.Contains(err.Error(), dir) {
		t.Fatalf("got the error %v", err)
	}
	must(t, first.Ping(t.Context())) // the refusal did not take its lock away
	must(t, first.Close())
	open(t, dir)
}

func TestAFolderThatCannotBeUsedSaysWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, err := sqlite.Open(t.Context(), file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file: got the error %v", err)
	}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "hotdrop.db"), 0o700))
	if _, err := sqlite.Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("no database: got the error %v", err)
	}
	must(t, os.Remove(filepath.Join(dir, "hotdrop.db")))
	open(t, dir) // the failure left no lock
}

func TestWhatWasCommittedIsThereAfterOpeningAgain(t *testing.T) {
	dir := t.TempDir()
	store := openMigrated(t, dir)
	sale(t, store, 10)
	plan := buy("ann", 10)
	_, err := store.Apply(t.Context(), plan)
	must(t, err)
	must(t, store.Close())
	state, err := open(t, dir).Load(t.Context(), core.Query{Campaign: "sale", Brand: "xiaomi", Counters: true, Orders: []string{plan.Orders[0].ID}})
	must(t, err)
	if len(state.Orders) != 1 || state.Counters["stock/mi2"].Remaining != 9 {
		t.Errorf("found %+v", state)
	}
}

// TestTheLogBeginsAnewWhileOrdersComeIn sells until the log no longer grows, which it would without a pause to copy it.
func TestTheLogBeginsAnewWhileOrdersComeIn(t *testing.T) {
	dir := t.TempDir()
	store := openMigrated(t, dir)
	sale(t, store, 1_000_000)
	var size int64
	same := 0
	for n := 0; same < 64; n++ {
		if n == 5_000 {
			t.Fatalf("after %d orders the log has %d bytes and grows", n, size)
		}
		_, err := store.Apply(t.Context(), buy(fmt.Sprint("shopper", n), 10_000))
		must(t, err)
		info, err := os.Stat(filepath.Join(dir, "hotdrop.db-wal"))
		must(t, err)
		if same++; info.Size() != size {
			size, same = info.Size(), 0
		}
	}
}

func TestAStaffEntryIsWrittenWithTheChange(t *testing.T) {
	dir := t.TempDir()
	sale(t, openMigrated(t, dir), 10)
	got := ask[string](t, dir, `SELECT brand||'|'||campaign||'|'||at||'|'||actor||'|'||role||'|'||action||'|'||reason||'|'||
		(before_ IS NULL)||'|'||after_ FROM staff_log`)
	if want := `xiaomi|sale|7|staff-1|operator|campaign.apply|opening|1|{"stock":1}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestAStaffEntryIsWrittenWithThePlan has two plans move an order from the same revision.
func TestAStaffEntryIsWrittenWithThePlan(t *testing.T) {
	dir := t.TempDir()
	store := openMigrated(t, dir)
	sale(t, store, 10)
	placed := buy("ann", 10)
	_, err := store.Apply(t.Context(), placed)
	must(t, err)
	moved := &core.Plan{
		Campaign: "sale", Brand: "xiaomi", Moves: []core.Move{{Order: placed.Orders[0]}},
		Entry: &core.StaffEntry{At: 8, Actor: "staff-2", Campaign: "sale", Action: "order.ship", Reason: "it went", Before: []byte("{}")},
	}
	_, err = store.Apply(t.Context(), moved)
	must(t, err)
	if _, err = store.Apply(t.Context(), moved); !errors.Is(err, core.ErrConflict) {
		t.Errorf("got the error %v", err)
	}
	if entries := ask[int](t, dir, "SELECT count(*) FROM staff_log WHERE actor = 'staff-2' AND reason = 'it went' AND before_ = '{}'"); entries != 1 {
		t.Errorf("there are %d entries", entries)
	}
}

func TestAFullFileIsFullAndNothingIsHalfDone(t *testing.T) {
	dir := t.TempDir()
	store := openMigrated(t, dir, sqlite.MaxPages(200))
	sale(t, store, 1000)
	sold, err := 0, error(nil)
	for ; err == nil; sold++ {
		_, err = store.Apply(t.Context(), buy(fmt.Sprint("shopper", sold), 10_000))
	}
	sold--
	if !errors.Is(err, core.ErrFull) || sold == 0 {
		t.Fatalf("after %d orders: got the error %v", sold, err)
	}
	must(t, store.Ping(t.Context()))
	state, err := store.Load(t.Context(), core.Query{Campaign: "sale", Brand: "xiaomi", Counters: true})
	must(t, err)
	if taken := 1000 - state.Counters["stock/mi2"].Remaining; taken != int64(sold) {
		t.Errorf("%d were sold, but %d units are taken", sold, taken)
	}
	must(t, store.Close())

	larger := open(t, dir)
	_, err = larger.Apply(t.Context(), buy(fmt.Sprint("shopper", sold), 10_000))
	must(t, err)
	if orders := ask[int](t, dir, "SELECT count(*) FROM orders"); orders != sold+1 {
		t.Errorf("there are %d orders, want %d", orders, sold+1)
	}
}

func TestAFullDiskIsFullToo(t *testing.T) {
	dir := filepath.Join(storetest.SmallDisk(t, 8<<20), "data")
	store := openMigrated(t, dir)
	sale(t, store, 1_000_000)
	sold, err := 0, error(nil)
	for ; err == nil; sold++ {
		_, err = store.Apply(t.Context(), buy(fmt.Sprint("shopper", sold), 10_000))
	}
	sold--
	if !errors.Is(err, core.ErrFull) {
		t.Fatalf("after %d orders: got the error %v", sold, err)
	}
	if orders := ask[int](t, dir, "SELECT count(*) FROM orders"); orders != sold || sold == 0 {
		t.Errorf("%d were sold, but there are %d orders", sold, orders)
	}
}

func TestReadersDoNotWaitForTheWriter(t *testing.T) {
	store := openMigrated(t, t.TempDir())
	sale(t, store, 10)
	_, err := store.ApplyLocked(t.Context(), core.Query{Campaign: "sale", Brand: "xiaomi"}, func(*core.State) (*core.Plan, error) {
		// More readers at once than there are connections.
		var readers sync.WaitGroup
		for range 16 {
			readers.Go(func() {
				if _, err := store.Load(t.Context(), core.Query{Campaign: "sale", Brand: "xiaomi", Counters: true}); err != nil {
					t.Error(err)
				}
			})
		}
		readers.Wait()
		return buy("ann", 10), nil
	})
	must(t, err)
}

func TestWaitingForTheWriterEndsWithTheContext(t *testing.T) {
	store := openMigrated(t, t.TempDir())
	sale(t, store, 10)
	_, err := store.ApplyLocked(t.Context(), core.Query{Campaign: "sale", Brand: "xiaomi"}, func(*core.State) (*core.Plan, error) {
		ctx, cancel := context.WithCancel(t.Context())
		waited := make(chan error)
		go func() {
			_, err := store.Apply(ctx, buy("bob", 10))
			waited <- err
		}()
		cancel()
		if err := <-waited; !errors.Is(err, context.Canceled) {
			t.Errorf("got the error %v", err)
		}
		return nil, nil
	})
	must(t, err)
}

func TestAFileThatAForeignProcessHoldsIsUnavailable(t *testing.T) {
	dir := t.TempDir()
	store := openMigrated(t, dir)
	sale(t, store, 10)
	foreign, err := past(t, dir).Conn(t.Context())
	must(t, err)
	_, err = foreign.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	must(t, err)
	if _, err := store.Apply(t.Context(), buy("ann", 10)); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("got the error %v", err)
	}
	_, err = foreign.ExecContext(t.Context(), "ROLLBACK")
	must(t, err)
	must(t, foreign.Close())
	_, err = store.Apply(t.Context(), buy("ann", 10))
	must(t, err)
}

func TestAClosedStoreIsUnavailable(t *testing.T) {
	store := openMigrated(t, t.TempDir())
	must(t, store.Close())
	must(t, store.Close())
	if err := store.Ping(t.Context()); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("Ping: got the error %v", err)
	}
	if _, err := store.Apply(t.Context(), buy("ann", 10)); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("Apply: got the error %v", err)
	}
}

func TestPingNeedsASchema(t *testing.T) {
	store := open(t, t.TempDir())
	if err := store.Ping(t.Context()); err == nil {
		t.Error("a file without a schema is fine")
	}
	must(t, store.Migrate(t.Context()))
	must(t, store.Ping(t.Context()))
}

func TestMigrateMakesTheSchemaOnce(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir)
	err := store.CheckSchema(t.Context())
	if old, ok := errors.AsType[*sqlite.SchemaError](err); !ok || old.Found != 0 || !strings.Contains(err.Error(), "hotdrop migrate") {
		t.Fatalf("an empty file: got the error %v", err)
	}
	must(t, store.Migrate(t.Context()))
	must(t, store.CheckSchema(t.Context()))
	sale(t, store, 10)
	_, err = store.Apply(t.Context(), buy("ann", 10))
	must(t, err)
	must(t, store.Migrate(t.Context()))
	if orders := ask[int](t, dir, "SELECT count(*) FROM orders"); orders != 1 {
		t.Errorf("after migrating again there are %d orders", orders)
	}
	if again := ask[int](t, dir, "SELECT count(*) - count(DISTINCT version_id) FROM goose_db_version"); again != 0 {
		t.Errorf("%d migrations were applied twice", again)
	}
}

func TestWhatAnEarlierReleaseHeldIsMigrated(t *testing.T) {
	for name, release := range storetest.Releases() {
		t.Run(name, func(t *testing.T) { migrates(t, release) })
	}
}

func migrates(t *testing.T, release storetest.Release) {
	t.Helper()
	dir := t.TempDir()
	must(t, open(t, dir).Close())
	db := past(t, dir)
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("migrations"), goose.WithDisableGlobalRegistry(true))
	must(t, err)
	_, err = provider.UpTo(t.Context(), release.Schema)
	must(t, err)
	_, err = db.ExecContext(t.Context(), release.Rows)
	must(t, err)
	release.Check(t, openMigrated(t, dir))
}

func TestASchemaFromTheFutureIsRefused(t *testing.T) {
	dir := t.TempDir()
	store := openMigrated(t, dir)
	_, err := past(t, dir).ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	must(t, err)
	err = store.CheckSchema(t.Context())
	if newer, ok := errors.AsType[*sqlite.SchemaError](err); !ok || newer.Found != 9999 || !strings.Contains(err.Error(), "newer") {
		t.Errorf("got the error %v", err)
	}
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

func TestNobodyButTheOwnerReadsWhatIsNewInAFolderThatOthersMayRead(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755)) // as somebody's folder may be
	store := openMigrated(t, dir)
	for _, name := range []string{"hotdrop.db", "hotdrop.db-wal", "hotdrop.db-shm"} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has the mode %04o", name, mode)
		}
	}
	if found := store.Exposed(); len(found) > 0 {
		t.Errorf("exposed are %v", found)
	}
	file := filepath.Join(dir, "hotdrop.db")
	must(t, os.Chmod(file, 0o644)) // as SQLite makes it
	if found := store.Exposed(); len(found) != 1 || found[0] != file {
		t.Errorf("exposed are %v", found)
	}
}
