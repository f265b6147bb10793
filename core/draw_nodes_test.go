package core_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

// ahead is a node whose clock is ahead of the others': it closes draws while these still enter shoppers.
func (d *drop) ahead(by time.Duration, m core.Compiler) *core.Engine {
	d.t.Helper()
	e := core.NewEngine(core.Options{
		Store: d.store, Campaigns: d.store, Ledger: d.store, Compiler: m, Now: func() time.Time { return d.clock.now().Add(by) },
	})
	must(d.t, e.Start(d.t.Context()))
	d.t.Cleanup(e.Stop)
	return e
}

// TestEntriesRaceTheClose lets 200 entries run against two nodes that close the draw. Whichever of them is in the draw was
// there when it closed, the others' counts say that it was closed, and the export has all of the first and none of the
// others.
func TestEntriesRaceTheClose(t *testing.T) {
	const shoppers = 200
	eachStore(t, func(t *testing.T, s store) {
		d := newSharing(t, s, withPrizes, enterEach)
		nodes := []*core.Engine{d.Engine, d.nodeWith(d.compiler)}
		closers := []*core.Engine{d.ahead(time.Hour, d.compiler), d.ahead(time.Hour, d.compiler)}
		var codes []string
		for i := range shoppers {
			codes = append(codes, d.link(fmt.Sprintf("s%d", i)))
		}
		var mu sync.Mutex
		entered := int64(0)
		var rush sync.WaitGroup
		for i, code := range codes {
			rush.Go(func() {
				answers, err := nodes[i%2].Social(context.Background(), "weibo", []core.SocialEvent{repost(code, code, code)})
				if err != nil {
					t.Error(err)
					return
				}
				a := answers[0]
				if a.Result != "counted" || (a.Entries == 0) != (a.Code == core.CodeDrawClosed) {
					t.Errorf("%+v", a)
				}
				mu.Lock()
				defer mu.Unlock()
				entered += a.Entries
			})
			if i == shoppers/2 {
				for _, node := range closers {
					rush.Go(func() { d.work(node) })
				}
			}
		}
		rush.Wait()
		d.work(closers[0])
		if view := d.draw(); view.Weight != entered || view.Entries != entered {
			t.Errorf("%d were told that they entered, the draw has %d, weight %d", entered, view.Entries, view.Weight)
		}
		export, err := d.DrawExport(t.Context(), "phone", "prizes")
		must(t, err)
		if found := export.Verify(); len(found) > 0 {
			t.Errorf("%v", found)
		}
		d.audit()
	})
}

// dying is a store on which the node dies at one of a draw's steps: before the step is written, or after it was.
type dying struct {
	core.Store

	mu    sync.Mutex
	step  int  // of the draw's writes, from 0; negative once it died
	after bool // the step is written
}

var errDied = errors.New("the node died")

func (s *dying) dies(documents []*core.Document) bool {
	if !slices.ContainsFunc(documents, func(d *core.Document) bool { return d.Kind == core.DocumentDraw }) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step--
	return s.step == -1
}

func (s *dying) isDead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.step < 0
}

func (s *dying) Apply(ctx context.Context, plan *core.Plan) (*core.Applied, error) {
	if s.isDead() {
		return nil, errDied
	}
	if !s.dies(plan.Documents) {
		return s.Store.Apply(ctx, plan)
	}
	if s.after {
		if _, err := s.Store.Apply(ctx, plan); err != nil {
			return nil, err
		}
	}
	return nil, errDied
}

func (s *dying) ApplyLocked(
	ctx context.Context, q core.Query, build func(*core.State) (*core.Plan, error),
) (*core.Applied, error) {
	died := false
	applied, err := s.Store.ApplyLocked(ctx, q, func(state *core.State) (*core.Plan, error) {
		plan, err := build(state)
		if plan != nil && s.dies(plan.Documents) {
			if died = true; !s.after {
				return nil, errDied
			}
		}
		return plan, err
	})
	if died {
		return nil, errDied
	}
	return applied, err
}

func TestANodeThatDiesAtAnyStepOfADrawLeavesItToTheOthers(t *testing.T) {
	for step, name := range []string{"closing", "drawing", "telling"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, written: %v", name, after), func(t *testing.T) {
				eachStore(t, func(t *testing.T, s store) {
					d := newPrizes(t, s, 7, withPrizes)
					e := core.NewEngine(core.Options{
						Store: &dying{Store: s, step: step, after: after}, Campaigns: s, Ledger: s, Compiler: d.compiler, Now: d.clock.now,
						Log: slog.New(slog.DiscardHandler),
					})
					must(t, e.Start(t.Context()))
					t.Cleanup(e.Stop)
					d.clock.advance(30 * time.Minute)
					if _, err := e.Work(t.Context(), "phone"); core.CodeOf(err) != core.CodeInternal {
						t.Fatalf("the node lives: %v", err)
					}
					d.work(d.Engine)
					d.wantDrawn(3)
				})
			})
		}
	}
}

func TestManyNodesDrawOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newPrizes(t, s, 20, withPrizes)
		nodes := []*core.Engine{d.Engine, d.nodeWith(d.compiler), d.nodeWith(d.compiler), d.nodeWith(d.compiler)}
		d.clock.advance(30 * time.Minute)
		var sweeps sync.WaitGroup
		for range 3 {
			for _, node := range nodes {
				sweeps.Go(func() { d.work(node) })
			}
		}
		sweeps.Wait()
		d.work(d.Engine)
		d.wantDrawn(3)
	})
}
