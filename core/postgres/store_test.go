package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"go.uber.org/goleak"

	"hotdrop/core"
	"hotdrop/core/postgres"
	"hotdrop/core/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, url string) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return store
}

func openMigrated(t testing.TB, url string) *postgres.Store {
	t.Helper()
	store := open(t, url)
	must(t, store.Migrate(t.Context()))
	return store
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ask runs a statement past the store and returns the one value it answers.
func ask[T any](t testing.TB, url, statement string) (answer T) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	must(t, err)
	err = connection.QueryRow(t.Context(), statement).Scan(&answer)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	must(t, errors.Join(err, connection.Close(t.Context())))
	return answer
}

func TestStore(t *testing.T) {
	url := storetest.PostgresURL(t)
	t.Run("conforms", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) storetest.Store {
			t.Helper()
			return openMigrated(t, url)
		})
	})
	t.Run("and never deadlocked, nor named a statement", func(t *testing.T) {
		deadlocks := ask[int64](t, url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
		if deadlocks != 0 {
			t.Errorf("the server broke %d deadlocks", deadlocks)
		}
	})
}

// sale creates the campaign "sale" with stock of one item.
func sale(t testing.TB, store *postgres.Store, stock int64) {
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

// buy places an order of one unit by the shopper, with a quote of so many bytes that do not compress.
func buy(shopper string, quote int) *core.Plan {
	id := fmt.Sprintf("sale.%026s", shopper)
	noise := make([]byte, quote/2)
	_, _ = rand.Read(noise) // never fails
	return &core.Plan{
		Campaign: "sale", Brand: "xiaomi", Epoch: 1,
		Claims: []core.Claim{{Shopper: shopper, Kind: core.ClaimLimit, Key: "mi2/1", Owner: id}},
		Orders: []*core.Order{{
			Campaign: "sale", ID: id, Brand: "xiaomi", Shopper: shopper, Currency: "CNY", Total: 199900, Revision: 1,
			State: core.OrderPlaced, TakesState: core.TakesOutstanding, Quote: fmt.Appendf(nil, `"%x"`, noise),
		}},
		Documents: []*core.Document{{Kind: core.DocumentTask, ID: "paid/" + id, State: core.TaskOpen, Due: 1}},
		Counters:  []core.Delta{{Counter: "stock/mi2", Units: 1}},
	}
}

func TestAStaffEntryIsWrittenWithTheChange(t *testing.T) {
	url := storetest.PostgresURL(t)
	sale(t, openMigrated(t, url), 10)
	got := ask[string](t, url, `SELECT concat_ws('|', brand, campaign, at, actor, role, action, reason, before_ IS NULL, after_) FROM staff_log`)
	if want := `xiaomi|sale|7|staff-1|operator|campaign.apply|opening|t|{"stock":1}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestAStaffEntryIsWrittenWithThePlan has two plans move an order from the same revision.
func TestAStaffEntryIsWrittenWithThePlan(t *testing.T) {
	url := storetest.PostgresURL(t)
	store := openMigrated(t, url)
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
	if entries := ask[int](t, url, "SELECT count(*) FROM staff_log WHERE actor = 'staff-2' AND reason = 'it went' AND before_ = '{}'"); entries != 1 {
		t.Errorf("there are %d entries", entries)
	}
}

func TestTwoStoresOnOneDatabaseSellWhatThereIs(t *testing.T) {
	url := storetest.PostgresURL(t)
	first := openMigrated(t, url)
	second := open(t, url)
	sale(t, first, 30)
	var nodes sync.WaitGroup
	for _, store := range []*postgres.Store{first, second} {
		nodes.Go(func() {
			for n := range 40 { // the same shoppers on both
				_, err := store.Apply(t.Context(), buy(fmt.Sprint("shopper", n), 10))
				if err != nil && !errors.Is(err, core.ErrConflict) {
					t.Error(err)
				}
			}
		})
	}
	nodes.Wait()
	if sold := ask[int64](t, url, "SELECT count(*) FROM orders"); sold != 30 {
		t.Errorf("sold %d", sold)
	}
}

func TestTwoStoresOnOneDatabaseCountTogetherInOneDocument(t *testing.T) {
	url := storetest.PostgresURL(t)
	first := openMigrated(t, url)
	sale(t, first, 1)
	storetest.CountTogether(t, "sale", first, open(t, url))
}

func TestADatabaseThatWasKilledIsUnavailableUntilItIsBack(t *testing.T) {
	cluster := storetest.NewCluster(t, "")
	store := openMigrated(t, cluster.URL("postgres"))
	sale(t, store, 10)
	before, lost := buy("ann", 10), buy("bob", 10)
	_, err := store.Apply(t.Context(), before)
	must(t, err)
	must(t, cluster.Kill())
	for name, call := range map[string]func(ctx context.Context) error{
		"Apply": func(ctx context.Context) error { _, err := store.Apply(ctx, lost); return err },
		"ApplyLocked": func(ctx context.Context) error {
			_, err := store.ApplyLocked(ctx, core.Query{Campaign: "sale", Brand: "xiaomi"}, nil)
			return err
		},
		"Load": func(ctx context.Context) error {
			_, err := store.Load(ctx, core.Query{Campaign: "sale", Brand: "xiaomi", Counters: true})
			return err
		},
		"DueDocuments": func(ctx context.Context) error {
			_, err := store.DueDocuments(ctx, core.CampaignKey{Brand: "xiaomi", ID: "sale"}, 1, 1)
			return err
		},
		"ListDocuments": func(ctx context.Context) error {
			_, err := store.ListDocuments(ctx, core.DocumentQuery{Campaign: "sale", Brand: "xiaomi", Kind: core.DocumentTask, Limit: 1})
			return err
		},
		"ListOrders": func(ctx context.Context) error {
			_, err := store.ListOrders(ctx, core.CampaignKey{Brand: "xiaomi", ID: "sale"}, "", "", 1)
			return err
		},
		"Book": func(ctx context.Context) error {
			return store.Book(ctx, core.CampaignKey{Brand: "xiaomi", ID: "sale"}, nil)
		},
		"Post": func(ctx context.Context) error { return store.Post(ctx, nil) },
		"Ping": store.Ping,
	} {
		if err := call(t.Context()); !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("%s: got the error %v", name, err)
		}
	}
	must(t, cluster.Start())
	must(t, store.Ping(t.Context()))
	state, err := store.Load(t.Context(), core.Query{Campaign: "sale", Brand: "xiaomi", Counters: true, Orders: []string{before.Orders[0].ID}})
	must(t, err)
	if len(state.Orders) != 1 || state.Counters["stock/mi2"].Remaining != 9 {
		t.Errorf("after the crash there is %+v", state)
	}
	_, err = store.Apply(t.Context(), lost) // the same plan again
	must(t, err)
}

// TestPlansOfUnknownFateAreFoundOut kills the server while plans are applied. Those that were answered must be there;
// those that were not are applied again, and either fit or are a conflict because they are there already.
func TestPlansOfUnknownFateAreFoundOut(t *testing.T) {
	cluster := storetest.NewCluster(t, "")
	url := cluster.URL("postgres")
	store := openMigrated(t, url)
	sale(t, store, 100_000)
	const workers = 4
	var acknowledged, unknown [workers][]*core.Plan
	rush, running := make(chan struct{}, 200), sync.WaitGroup{}
	for worker := range workers {
		running.Go(func() {
			for n := 0; ; n++ {
				plan := buy(fmt.Sprintf("shopper%d-%d", worker, n), 500)
				if _, err := store.Apply(t.Context(), plan); err != nil {
					unknown[worker] = append(unknown[worker], plan)
					if !errors.Is(err, core.ErrUnavailable) {
						t.Error(err)
					}
					return
				}
				acknowledged[worker] = append(acknowledged[worker], plan)
				select {
				case rush <- struct{}{}:
				default:
				}
			}
		})
	}
	for range cap(rush) {
		<-rush
	}
	must(t, cluster.Restart())
	running.Wait()
	expected := 0
	for worker := range workers {
		for _, plan := range acknowledged[worker] {
			_, err := store.Apply(t.Context(), plan)
			if !errors.Is(err, core.ErrConflict) {
				t.Errorf("an acknowledged order was lost: %v", err)
			}
		}
		for _, plan := range unknown[worker] {
			if _, err := store.Apply(t.Context(), plan); err != nil && !errors.Is(err, core.ErrConflict) {
				t.Error(err)
			}
		}
		expected += len(acknowledged[worker]) + len(unknown[worker])
	}
	orders := ask[int](t, url, "SELECT count(*) FROM orders")
	taken := ask[int](t, url, "SELECT limit_ - remaining FROM counters WHERE key = 'stock/mi2'")
	tasks := ask[int](t, url, "SELECT count(*) FROM documents")
	if orders != expected || taken != expected || tasks != expected {
		t.Errorf("there are %d orders, %d units taken and %d tasks, want %d", orders, taken, tasks, expected)
	}
}

func TestAFullDiskIsFullAndNothingIsHalfDone(t *testing.T) {
	cluster := storetest.NewCluster(t, storetest.SmallDisk(t, 64<<20))
	url := cluster.URL("postgres")
	store := openMigrated(t, url)
	sale(t, store, 1_000_000)
	sold, err := 0, error(nil)
	for ; err == nil; sold++ {
		_, err = store.Apply(t.Context(), buy(fmt.Sprint("shopper", sold), 100_000))
	}
	sold--
	if !errors.Is(err, core.ErrFull) {
		t.Fatalf("got the error %v", err)
	}
	must(t, store.Ping(t.Context()))
	orders := ask[int](t, url, "SELECT count(*) FROM orders")
	taken := ask[int](t, url, "SELECT limit_ - remaining FROM counters WHERE key = 'stock/mi2'")
	if orders != sold || taken != sold || sold == 0 {
		t.Errorf("%d were sold, but there are %d orders and %d units taken", sold, orders, taken)
	}
}

func TestAClosedStoreIsUnavailable(t *testing.T) {
	store := openMigrated(t, storetest.PostgresURL(t))
	must(t, store.Close())
	if err := store.Ping(t.Context()); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("got the error %v", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct{ url, want string }{
		"the URL":      {"postgres://[", "the URL of the database"},
		"the server":   {"postgres://127.0.0.1:1/none?connect_timeout=1", "open the database"},
		"the database": {storetest.PostgresURL(t) + "&dbname=none", "none"},
	} {
		_, err := postgres.Open(t.Context(), test.url)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got the error %v", name, err)
		}
	}
}

func TestMigrateMakesTheSchemaOnce(t *testing.T) {
	url := storetest.PostgresURL(t)
	store := open(t, url)
	err := store.CheckSchema(t.Context())
	if old, ok := errors.AsType[*postgres.SchemaError](err); !ok || old.Found != 0 || !strings.Contains(err.Error(), "hotdrop migrate") {
		t.Fatalf("an empty database: got the error %v", err)
	}
	must(t, store.Migrate(t.Context()))
	must(t, store.CheckSchema(t.Context()))
	sale(t, store, 10)
	_, err = store.Apply(t.Context(), buy("ann", 10))
	must(t, err)
	must(t, store.Migrate(t.Context()))
	if orders := ask[int](t, url, "SELECT count(*) FROM orders"); orders != 1 {
		t.Errorf("after migrating again there are %d orders", orders)
	}
	if again := ask[int](t, url, "SELECT count(*) - count(DISTINCT version_id) FROM goose_db_version"); again != 0 {
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
	url := storetest.PostgresURL(t)
	pool, err := pgxpool.New(t.Context(), url)
	must(t, err)
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer func() { must(t, db.Close()) }()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, os.DirFS("migrations"), goose.WithDisableGlobalRegistry(true))
	must(t, err)
	_, err = provider.UpTo(t.Context(), release.Schema)
	must(t, err)
	_, err = db.ExecContext(t.Context(), release.Rows)
	must(t, err)
	release.Check(t, openMigrated(t, url))
}

func TestNodesMigrateOneAtATime(t *testing.T) {
	url := storetest.PostgresURL(t)
	var nodes sync.WaitGroup
	for range 4 {
		store := open(t, url)
		nodes.Go(func() {
			if err := store.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
	must(t, open(t, url).CheckSchema(t.Context()))
}

func TestASchemaFromTheFutureIsRefused(t *testing.T) {
	url := storetest.PostgresURL(t)
	store := openMigrated(t, url)
	ask[int](t, url, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true) RETURNING id")
	err := store.CheckSchema(t.Context())
	if newer, ok := errors.AsType[*postgres.SchemaError](err); !ok || newer.Found != 9999 || !strings.Contains(err.Error(), "newer") {
		t.Errorf("got the error %v", err)
	}
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
