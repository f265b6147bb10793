package storetest

import (
	_ "embed" // the rows of an earlier release are a file of their own
	"testing"

	"hotdrop/core"
)

//go:embed first_release.sql
var firstRelease string

// FirstRelease returns statements that fill a database of schema 1 with what a shop held then.
func FirstRelease() string { return firstRelease }

// CheckFirstRelease holds a store that was migrated against what [FirstRelease] put into it: nothing is lost, what later
// releases count is counted, the books are clean, and the campaign still sells.
func CheckFirstRelease(t *testing.T, store Store) {
	t.Helper()
	s := &sale{t: t, Store: store, campaign: "old"}
	state := s.state(core.Query{Counters: true, Placed: true, Shoppers: []string{"ann"}, Orders: []string{"old.1", "old.2"}})
	same(t, "counters", state.Counters, map[string]core.Counter{
		"stock/mi2":              {Limit: 5, Remaining: 4},
		core.CounterReservations: {Limit: core.Unbounded, Remaining: core.Unbounded - 1},
		core.CounterOrders:       {Limit: core.Unbounded, Remaining: core.Unbounded - 2},
	})
	same(t, "epoch", state.Epoch, int64(3))
	same(t, "orders", len(state.Orders)+len(state.Placed), 4)
	same(t, "ann's payment", state.Orders["old.1"].Dues[0].Payment, "pay/old.1")
	same(t, "ann's reservation", *state.Shoppers["ann"].Reservation, core.Reservation{Shopper: "ann", At: 1, Position: 1})
	summary, err := core.Audit(t.Context(), store, []string{"old"}, func(f core.Finding) { t.Errorf("audit: %+v", f) })
	must(t, err)
	same(t, "orders audited", summary.Orders, int64(2))
	_, err = store.Apply(t.Context(), &core.Plan{
		Campaign: "old", Brand: "acme", Epoch: 3,
		Counters: []core.Delta{{Counter: core.CounterOrders, Units: 1}, {Counter: "stock/mi2", Units: 1}},
	})
	must(t, err)
}
