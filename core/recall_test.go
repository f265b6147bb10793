package core_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
)

// counting is a store that counts how often a shopper, or the list of orders, was asked for.
type counting struct {
	core.Store

	shoppers, lists atomic.Int64
}

func (c *counting) Load(ctx context.Context, q core.Query) (*core.State, error) {
	c.shoppers.Add(int64(len(q.Shoppers)))
	if q.Placed {
		c.lists.Add(1)
	}
	return c.Store.Load(ctx, q)
}

// counted starts one more engine, whose store counts.
func (d *drop) counted() (*core.Engine, *counting) {
	d.t.Helper()
	c := &counting{Store: d.store}
	e := core.NewEngine(core.Options{
		Store: c, Campaigns: d.store, Ledger: d.store, Compiler: mechanics{}, Now: d.clock.now, Log: slog.New(slog.DiscardHandler),
	})
	must(d.t, e.Start(d.t.Context()))
	d.t.Cleanup(e.Stop)
	return e, c
}

func reservers(c *core.Campaign) { c.Items[0].NeedsReservation = true }

func TestARushAsksTheStoreAboutNobodyItKnows(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, func(c *core.Campaign) { reservers(c); c.Items[0].Stock = 2 })
		e, store := d.counted()
		d.clock.advance(-time.Minute)
		for _, shopper := range []string{"ann", "bob", "cid"} {
			_, _, err := e.Reserve(t.Context(), "phone", core.Principal{ID: shopper, Role: core.RoleShopper}, "")
			must(t, err)
		}
		d.clock.advance(time.Minute + 10*time.Millisecond)
		for _, shopper := range []string{"ann", "bob"} {
			_, _, err := e.Place(t.Context(), buy(shopper, "k"))
			must(t, err)
		}
		_, _, err := e.Place(t.Context(), buy("cid", "k"))
		wantCode(t, err, core.CodeSoldOut)
		if asked := store.shoppers.Load(); asked > 1 { // the first request after the pause waits for fresh counters
			t.Errorf("the store was asked about %d shoppers", asked)
		}
		_, replayed, err := e.Place(t.Context(), buy("ann", "k"))
		if err != nil || !replayed {
			t.Errorf("replayed %v, %v", replayed, err)
		}
		d.audit()
	})
}

func TestWhatAnotherNodeAcknowledgedIsReplayedEvenWhenSoldOut(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, func(c *core.Campaign) { c.Items[0].Stock = 1 })
		e, store := d.counted()
		d.place("ann")
		d.clock.advance(time.Second)
		order, replayed, err := e.Place(t.Context(), buy("ann", "k-ann"))
		if err != nil || !replayed || order.Shopper != "ann" {
			t.Fatalf("replayed %v, %v", replayed, err)
		}
		d.clock.advance(60 * time.Millisecond)
		_, err = e.Campaign(t.Context(), "phone") // reads the counters, and with them who has ordered elsewhere
		must(t, err)
		before := store.shoppers.Load()
		_, _, err = e.Place(t.Context(), buy("bob", "k"))
		wantCode(t, err, core.CodeSoldOut)
		if store.lists.Load() != 1 || store.shoppers.Load() != before {
			t.Errorf("%d lists were read, and %d more shoppers", store.lists.Load(), store.shoppers.Load()-before)
		}
	})
}

func TestARestartedNodeKnowsWhoHasOrdered(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		first := d.place("ann")
		e, store := d.counted()
		_, _, err := e.Place(t.Context(), buy("bob", "k"))
		must(t, err)
		if store.lists.Load() != 1 || store.shoppers.Load() != 0 {
			t.Errorf("%d lists, %d shoppers", store.lists.Load(), store.shoppers.Load())
		}
		again, replayed, err := e.Place(t.Context(), buy("ann", "k-ann"))
		if err != nil || !replayed || again.ID != first.ID {
			t.Errorf("replayed %v, %v", replayed, err)
		}
		_, _, err = e.Place(t.Context(), buy("ann", "another"))
		wantCode(t, err, core.CodeLimitReached)
	})
}

// TestAReservationAtAnotherNodeIsNotOverlooked lets one node decide about a shopper who signed up at the other.
func TestAReservationAtAnotherNodeIsNotOverlooked(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, reservers)
		e, _ := d.counted()
		d.clock.advance(-time.Minute)
		_, _, err := d.Reserve(t.Context(), "phone", core.Principal{ID: "ann", Role: core.RoleShopper}, "")
		must(t, err)
		d.clock.advance(time.Minute)
		_, _, err = e.Place(t.Context(), buy("ann", "k"))
		must(t, err)
		_, _, err = e.Place(t.Context(), buy("bob", "k"))
		wantCode(t, err, core.CodeReservationRequired)
	})
}
