package core_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
)

// entriesRead counts how often the entries of draws are read, and fails the first time if it is told to.
type entriesRead struct {
	core.Store

	times atomic.Int64
	fails error
}

func (r *entriesRead) ListDocuments(ctx context.Context, q core.DocumentQuery) ([]*core.Document, error) {
	if q.Kind == core.DocumentEntry && r.times.Add(1) == 1 && r.fails != nil {
		return nil, r.fails
	}
	return r.Store.ListDocuments(ctx, q)
}

// drawnPrizes is a drop whose draw is over, and an engine beside it whose reading of entries is counted.
func drawnPrizes(t *testing.T, fails error) (*core.Engine, *entriesRead) {
	t.Helper()
	d := newPrizes(t, sqliteStore(t), 9, withPrizes)
	d.clock.advance(31 * time.Minute)
	d.work(d.Engine)
	d.wantDrawn(3)
	counting := &entriesRead{Store: d.store, fails: fails}
	e := core.NewEngine(core.Options{
		Store: counting, Campaigns: d.store, Ledger: d.store, Compiler: d.compiler, Now: d.clock.now,
		Log: slog.New(slog.DiscardHandler),
	})
	must(t, e.Start(t.Context()))
	t.Cleanup(e.Stop)
	return e, counting
}

func TestADrawIsReadOnceForAllWhoExportIt(t *testing.T) {
	e, counting := drawnPrizes(t, nil)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			export, err := e.DrawExport(context.Background(), "phone", "prizes")
			if err != nil {
				t.Error(err)
				return
			}
			if found := export.Verify(); len(found) > 0 || len(export.Entries) != 9 {
				t.Errorf("drawn again: %v", found)
			}
		})
	}
	all.Wait()
	if n := counting.times.Load(); n != 1 {
		t.Errorf("20 exports have read the entries %d times", n)
	}
}

func TestAnExportThatFailedIsMadeAnew(t *testing.T) {
	e, _ := drawnPrizes(t, errors.New("the disk is gone"))
	_, err := e.DrawExport(t.Context(), "phone", "prizes")
	wantCode(t, err, core.CodeInternal)
	export, err := e.DrawExport(t.Context(), "phone", "prizes")
	must(t, err)
	if len(export.Entries) != 9 {
		t.Errorf("%d entries", len(export.Entries))
	}
}
