package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"hotdrop/core"
)

// node is one that was seen at the moment.
func node(id string, seen int64) *core.Node {
	return &core.Node{
		ID: id, StartedAt: opening, SeenAt: seen, Version: "6",
		Campaigns: map[string]*core.NodeCampaign{"phone": {
			Revision: 3, Epoch: 2, Rollout: 2, FollowedAt: opening, Ready: []int64{1, 2}, Refused: map[int64]string{3: "no memory"},
			Unserved: "does not compile",
		}},
	}
}

// nodesSince lists the nodes among ids that were seen at since or later.
func nodesSince(t *testing.T, store Store, since int64, ids ...string) (found []*core.Node) {
	t.Helper()
	list, err := store.Nodes(t.Context(), since)
	must(t, err)
	for _, n := range list {
		if slices.Contains(ids, n.ID) {
			found = append(found, n)
		}
	}
	return found
}

func testNodes(t *testing.T, store Store) {
	ann, bob, cid := unique("node-a"), unique("node-b"), unique("node-c")
	all := []string{ann, bob, cid}

	t.Run("nodes come back as they were saved, sorted, from a moment on", func(t *testing.T) {
		for i, id := range []string{cid, ann, bob} {
			must(t, store.SaveNode(t.Context(), node(id, opening+int64(i))))
		}
		same(t, "all", nodesSince(t, store, opening, all...), []*core.Node{node(ann, opening+1), node(bob, opening+2), node(cid, opening)})
		same(t, "late", nodesSince(t, store, opening+2, all...), []*core.Node{node(bob, opening+2)})
		same(t, "later", len(nodesSince(t, store, opening+3, all...)), 0)
	})

	t.Run("a heartbeat replaces the row", func(t *testing.T) {
		again := node(ann, opening+9)
		again.Campaigns = map[string]*core.NodeCampaign{}
		must(t, store.SaveNode(t.Context(), again))
		same(t, "after", nodesSince(t, store, opening+9, all...), []*core.Node{again})
	})

	t.Run("nodes that were last seen before are forgotten, or the one that is named", func(t *testing.T) {
		must(t, store.DropNodes(t.Context(), opening+2, ""))
		same(t, "first", len(nodesSince(t, store, 0, all...)), 2)
		must(t, store.DropNodes(t.Context(), 0, unique("none")))
		must(t, store.DropNodes(t.Context(), 0, ann))
		same(t, "then", nodesSince(t, store, 0, all...), []*core.Node{node(bob, opening+2)})
	})

	t.Run("many nodes beat and drop one another at once", func(t *testing.T) {
		inParallel(6, func(int) {
			id := unique("node")
			for n := range int64(10) {
				must(t, store.SaveNode(t.Context(), node(id, 100+n)))
				must(t, store.DropNodes(t.Context(), 100, ""))
			}
			must(t, store.DropNodes(t.Context(), 0, id))
		})
		same(t, "left", len(nodesSince(t, store, opening, bob)), 1)
	})
}

// Ear listens on a store for as long as the test runs, or until it is told to stop.
type Ear struct {
	t      testing.TB
	heard  chan string
	cancel context.CancelFunc
	ended  chan error
}

// Listen starts to listen, and returns when the store says that something may have been missed, which is that it listens.
func Listen(t testing.TB, store core.NodeStore) *Ear {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	e := &Ear{t: t, heard: make(chan string, 1000), cancel: cancel, ended: make(chan error, 1)}
	go func() { e.ended <- store.Listen(ctx, func(campaign string) { e.heard <- campaign }) }()
	same(t, "first", e.Next(), "")
	return e
}

// Next waits for what is heard next. It fails when listening has ended.
func (e *Ear) Next() string {
	e.t.Helper()
	select {
	case campaign := <-e.heard:
		return campaign
	case err := <-e.ended:
		e.t.Fatalf("listening has ended: %v", err)
		return ""
	}
}

// Hears waits for the campaign, over others.
func (e *Ear) Hears(campaign string) {
	e.t.Helper()
	for e.Next() != campaign {
		continue
	}
}

// Stop stops it and returns why it ended.
func (e *Ear) Stop() error {
	e.cancel()
	return e.End()
}

// End waits until listening has ended and returns why.
func (e *Ear) End() error { return <-e.ended }

func testNotifications(t *testing.T, store Store) {
	t.Run("whoever listens hears, and nobody else", func(t *testing.T) {
		one, other := Listen(t, store), Listen(t, store)
		campaign, odd := unique("phone"), unique(`末日 "it's"`)
		for _, name := range []string{campaign, odd} {
			must(t, store.Notify(t.Context(), name))
			one.Hears(name)
			other.Hears(name)
		}
		if err := one.Stop(); !errors.Is(err, context.Canceled) {
			t.Errorf("stopped with %v", err)
		}
		must(t, store.Notify(t.Context(), campaign))
		other.Hears(campaign)
		same(t, "heard after the stop", len(one.heard), 0)
		if err := other.Stop(); !errors.Is(err, context.Canceled) {
			t.Errorf("stopped with %v", err)
		}
	})

	t.Run("a listener that is slow stops nobody, and hears of every campaign", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		started, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		last := unique("last")
		go func() {
			ended <- store.Listen(ctx, func(campaign string) {
				switch campaign {
				case "":
					close(started)
					<-release
				case last:
					cancel()
				}
			})
		}()
		<-started
		for range 50 {
			must(t, store.Notify(t.Context(), unique("phone")))
		}
		must(t, store.Notify(t.Context(), last))
		close(release)
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	})

	t.Run("nobody listens or notifies when the context has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		heard := func(campaign string) { t.Errorf("heard %q", campaign) }
		for _, err := range []error{store.Notify(ctx, "phone"), store.Listen(ctx, heard)} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got the error %v", err)
			}
		}
	})
}
