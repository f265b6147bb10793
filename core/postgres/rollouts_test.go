package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"hotdrop/core"
	"hotdrop/core/postgres"
	"hotdrop/core/storetest"
)

// rollout is the change of the campaign "sale" to the revision and the epoch.
func rollout(revision, epoch int64, stock int64) *core.CampaignChange {
	return &core.CampaignChange{
		Record: core.CampaignRecord{
			Definition: &core.Campaign{ID: "sale", Brand: "xiaomi"}, Revision: revision, Epoch: epoch,
			Ruleset: core.Ruleset{Number: 1}, Rollout: core.Rollout{Number: revision, Live: 1},
		},
		From:   revision - 1,
		Limits: map[string]int64{"stock/mi2": stock, core.CounterReservations: core.Unbounded},
	}
}

func TestAChangeThatKeepsTheEpochDoesNotWaitForOrders(t *testing.T) {
	store := openMigrated(t, storetest.PostgresURL(t))
	sale(t, store, 10)
	_, err := store.ApplyLocked(t.Context(), core.Query{Campaign: "sale", Brand: "xiaomi"}, func(*core.State) (*core.Plan, error) {
		return nil, store.SaveCampaign(t.Context(), rollout(2, 1, 10)) // while the counters are locked
	})
	must(t, err)
	history, err := store.Rollouts(t.Context(), core.CampaignKey{Brand: "xiaomi", ID: "sale"}, 0, 9)
	must(t, err)
	if len(history) != 2 || history[0].Epoch != 1 {
		t.Errorf("the history is %+v", history)
	}
}

func TestAListenerThatLosesItsConnectionSaysSoAndListensAgain(t *testing.T) {
	url := storetest.PostgresURL(t)
	store := openMigrated(t, url)
	ear := storetest.Listen(t, store)
	must(t, store.Notify(t.Context(), "phone"))
	ear.Hears("phone")
	killed := ask[int64](t, url, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "+
		"WHERE datname = current_database() AND query LIKE 'LISTEN%'")
	if err := ear.End(); killed != 1 || !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("%d connections were killed, got the error %v", killed, err)
	}
	must(t, store.Notify(t.Context(), "lost"))
	again := storetest.Listen(t, store)
	must(t, store.Notify(t.Context(), "car"))
	if heard := again.Next(); heard != "car" {
		t.Errorf("heard %q", heard)
	}
	if err := again.Stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped with %v", err)
	}
}

func TestNobodyListensToADatabaseThatIsNot(t *testing.T) {
	store := openMigrated(t, storetest.PostgresURL(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.Listen(ctx, func(string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v", err)
	}
}

// TestASwapIsNeverStarved has three nodes that use all their connections for orders, of which each wants the same counter, and
// swaps meanwhile: none may fail, and no node may have more connections than it was given.
func TestASwapIsNeverStarved(t *testing.T) {
	const nodes, placers, swaps, stock = 3, 20, 25, 1_000_000
	url := storetest.PostgresURL(t)
	stores := []*postgres.Store{openMigrated(t, url)}
	for len(stores) < nodes {
		stores = append(stores, open(t, url))
	}
	sale(t, stores[0], stock)
	var epoch, placed, connections atomic.Int64
	epoch.Store(1)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	ears := make([]*storetest.Ear, nodes)
	for n, store := range stores {
		ears[n] = storetest.Listen(t, store)
		for range placers {
			all.Go(func() { placeUntil(ctx, t, store, &epoch, &placed) })
		}
	}
	for swap := range int64(swaps) {
		for before := placed.Load(); placed.Load() < before+10; {
			continue
		}
		must(t, stores[swap%nodes].SaveCampaign(t.Context(), rollout(swap+2, swap+2, stock)))
		epoch.Store(swap + 2)
		must(t, stores[swap%nodes].Notify(t.Context(), "sale"))
		connections.Store(max(connections.Load(), ask[int64](t, url, "SELECT count(*) FROM pg_stat_activity "+
			"WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()")))
	}
	cancel()
	all.Wait()
	for _, ear := range ears {
		ear.Hears("sale")
		_ = ear.Stop()
	}
	if n := connections.Load(); n > 60 {
		t.Errorf("%d nodes had %d connections", nodes, n)
	}
	t.Logf("%d orders, %d connections", placed.Load(), connections.Load())
}

// placeUntil places orders until the context ends.
func placeUntil(ctx context.Context, t *testing.T, store *postgres.Store, epoch, placed *atomic.Int64) {
	t.Helper()
	for ctx.Err() == nil {
		plan := buy(rand.Text()[:20], 64)
		plan.Epoch = epoch.Load()
		switch _, err := store.Apply(context.WithoutCancel(ctx), plan); {
		case err == nil:
			placed.Add(1)
		case !errors.Is(err, core.ErrConflict):
			t.Error(err)
			return
		}
	}
}

func BenchmarkQuotes(b *testing.B) {
	storetest.BenchmarkQuotes(b, openMigrated(b, storetest.PostgresURL(b)))
}
