package core_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hotdrop/core"
	"hotdrop/core/sqlite"
)

func TestOneNodeAtATimeVetsAPlugin(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.upload("fit")
		other := r.node("1")
		r.vets.during = func(context.Context) {
			other.is("fit", core.PluginVetting)
			if other.vet() != 0 {
				t.Error("two nodes vet one plugin")
			}
		}
		if r.vet() != 1 || len(other.vets.begun) != 0 {
			t.Errorf("the other node vetted %v", other.vets.begun)
		}
	})
}

func TestManyNodesVetEveryPluginOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		var modules []string
		for i := range 12 {
			modules = append(modules, r.uploadedAs("fit"+strings.Repeat("x", i)))
		}
		nodes := []*registry{r, r.node("1"), r.node("1")}
		var working sync.WaitGroup
		for _, node := range nodes {
			working.Go(func() {
				for worked := true; worked; {
					var err error
					if worked, err = node.VetNext(t.Context()); err != nil {
						t.Errorf("vet: %v", err)
					}
				}
			})
		}
		working.Wait()
		r.vet() // a node that lost every race has stopped early
		begun := 0
		for _, node := range nodes {
			begun += len(node.vets.begun)
		}
		if begun != len(modules) {
			t.Errorf("%d vettings of %d plugins", begun, len(modules))
		}
		for _, module := range modules {
			r.is(module, core.PluginVetted)
		}
	})
}

func TestADeadNodesWorkIsTakenOver(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.upload("fit")
		survivor := r.node("1")
		r.vets.during = func(context.Context) { // the node stops here as a dead one would, and comes back too late
			r.clock.advance(5 * time.Second)
			if survivor.vet() != 0 {
				t.Error("taken over before the lease ran out")
			}
			r.clock.advance(2 * time.Second)
			if survivor.vet() != 1 {
				t.Error("not taken over")
			}
		}
		if _, err := r.VetNext(t.Context()); err == nil {
			t.Error("a node wrote a verdict without having the lease")
		}
		if p := r.is("fit", core.PluginVetted); p.Lease != (core.PluginLease{}) {
			t.Errorf("the lease is %+v", p.Lease)
		}
	})
}

// retryPause is the pause after an attempt without a verdict.
const retryPause = 15 * time.Second

func TestAModuleThatKillsItsNodesIsGivenUp(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.upload("fit")
		for attempt := int64(1); attempt <= 5; attempt++ {
			p, err := r.Plugin(t.Context(), author, "", digestOf("fit"))
			must(t, err) // a node that dies in the middle leaves its claim behind, and nothing else
			p.State, p.Lease = core.PluginVetting, core.PluginLease{Holder: "dead", Until: r.clock.now().UnixMilli(), Attempts: attempt}
			must(t, r.store.SavePlugin(t.Context(), &core.PluginChange{Plugin: p}))
		}
		if r.vet() != 0 {
			t.Error("a sixth node began")
		}
		r.is("fit", core.PluginRefused)
	})
}

func TestWhatWasVettedBeforeIsTriedForEver(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.approved("fit")
		next := r.node("2")
		next.vets.fail = errors.New("no process could be started")
		for range 20 {
			if worked, err := next.VetNext(t.Context()); !worked || err == nil {
				t.Fatalf("%t, %v", worked, err)
			}
			r.clock.advance(time.Minute)
		}
		next.is("fit", core.PluginApproved)
		next.vets.fail = nil
		if next.vet() != 1 {
			t.Error("not vetted")
		}
	})
}

func TestWhatIsApprovedIsVettedAgainBeforeNewUploads(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.approved("fit, approved")
		r.clock.advance(-time.Hour)
		r.upload("fit, new")
		next := r.node("2")
		if next.vet() != 2 || next.vets.begun[0] != "fit, approved" {
			t.Errorf("vetted in the order %q", next.vets.begun)
		}
	})
}

func TestWhatStaffDecideWhileItIsVettedStands(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.upload("fit")
		r.vets.during = func(context.Context) { must(t, r.decide(core.PluginReject, "fit")) }
		if r.vet() != 1 {
			t.Error("not vetted")
		}
		if p := r.is("fit", core.PluginRejected); p.Report == nil || p.Lease.Holder != "" {
			t.Errorf("rejected as %+v", p)
		}
		if r.vet() != 0 {
			t.Error("vetted again")
		}
	})
}

// running is a node whose workers run inside a synctest bubble, on the bubble's clock.
func running(t *testing.T, store core.PluginStore, vets *vetting) (r *core.PluginRegistry, stop func()) {
	t.Helper()
	r = core.NewPluginRegistry(core.PluginOptions{Store: store, Vetter: vets, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	workers.Go(func() { r.Run(ctx) })
	return r, func() {
		cancel()
		workers.Wait()
	}
}

func bubbleStore(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), t.TempDir())
	must(t, err)
	must(t, s.Migrate(t.Context()))
	return s
}

func TestAnUploadWakesTheWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := bubbleStore(t)
		vets := &vetting{version: "1"}
		r, stop := running(t, store, vets)
		synctest.Wait() // the first look finds nothing
		began := time.Now()
		p, _, err := r.Upload(t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader("fit")})
		must(t, err)
		synctest.Wait()
		p, err = r.Plugin(t.Context(), author, "", p.Digest)
		must(t, err)
		if p.State != core.PluginVetted || time.Since(began) > 0 {
			t.Errorf("%s after %s", p.State, time.Since(began))
		}
		stop()
		must(t, store.Close())
	})
}

func TestALongVettingKeepsItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := bubbleStore(t)
		slow := &vetting{version: "1", during: func(ctx context.Context) {
			select {
			case <-ctx.Done():
			case <-time.After(time.Minute):
			}
		}}
		other := &vetting{version: "1"}
		r, stop := running(t, store, slow)
		_, stopOther := running(t, store, other)
		synctest.Wait()
		p, _, err := r.Upload(t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader("fit")})
		must(t, err)
		time.Sleep(61 * time.Second)
		synctest.Wait()
		p, err = r.Plugin(t.Context(), author, "", p.Digest)
		must(t, err)
		if p.State != core.PluginVetted || len(slow.begun) != 1 || len(other.begun) != 0 {
			t.Errorf("%s, vetted %d and %d times", p.State, len(slow.begun), len(other.begun))
		}
		stop()
		stopOther()
		must(t, store.Close())
	})
}

func TestANodeThatStopsGivesItsWorkBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := bubbleStore(t)
		r, stop := running(t, store, &vetting{version: "1", during: func(ctx context.Context) { <-ctx.Done() }})
		synctest.Wait()
		p, _, err := r.Upload(t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader("fit")})
		must(t, err)
		synctest.Wait()
		stop()
		p, err = r.Plugin(t.Context(), author, "", p.Digest)
		must(t, err)
		if p.State != core.PluginUploaded || p.Lease.Attempts != 0 {
			t.Fatalf("given back as %+v", p)
		}
		began := time.Now()
		next := core.NewPluginRegistry(core.PluginOptions{Store: store, Vetter: &vetting{version: "1"}, Log: slog.New(slog.DiscardHandler)})
		if worked, err := next.VetNext(t.Context()); !worked || err != nil || time.Since(began) > 0 {
			t.Errorf("%t, %v after %s", worked, err, time.Since(began))
		}
		must(t, store.Close())
	})
}

// cut is a store that can be lost.
type cut struct {
	core.PluginStore

	mu   sync.Mutex
	lost bool
}

func (c *cut) SavePlugin(ctx context.Context, change *core.PluginChange) error {
	c.mu.Lock()
	lost := c.lost
	c.mu.Unlock()
	if lost {
		return core.ErrUnavailable
	}
	return c.PluginStore.SavePlugin(ctx, change)
}

func TestAVettingWhoseLeaseCannotBeKeptEndsBeforeItRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := bubbleStore(t)
		c := &cut{PluginStore: store}
		var ended atomic.Int64
		r, stop := running(t, c, &vetting{version: "1", during: func(ctx context.Context) {
			<-ctx.Done()
			ended.Store(time.Now().UnixMilli())
		}})
		synctest.Wait()
		p, _, err := r.Upload(t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader("fit")})
		must(t, err)
		synctest.Wait()
		c.mu.Lock()
		c.lost = true
		c.mu.Unlock()
		p, err = r.Plugin(t.Context(), author, "", p.Digest)
		must(t, err)
		time.Sleep(10 * time.Second)
		if at := ended.Load(); at == 0 || at >= p.Lease.Until {
			t.Errorf("it ended at %s, the lease at %s", time.UnixMilli(at), time.UnixMilli(p.Lease.Until))
		}
		stop()
		must(t, store.Close())
	})
}
