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

// patience is how long tests wait for other nodes before they fail; none of them waits for as long when all is well.
const patience = 20 * time.Second

// workshop compiles by name, counts what it is asked for, and may be taught, or held up, while nodes run.
type workshop struct {
	mu       sync.Mutex
	known    mechanics
	compiled map[string]int
	gates    map[string]chan struct{} // a mechanic with a gate is not compiled before it is closed
}

// newWorkshop knows the mechanics v1, v2 and so on, which ask for the price of 1000 more than their number.
func newWorkshop(versions int) *workshop {
	w := &workshop{known: mechanics{}, compiled: map[string]int{}, gates: map[string]chan struct{}{}}
	for n := 1; n <= versions; n++ {
		w.learn(n)
	}
	return w
}

func (w *workshop) learn(version int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known[fmt.Sprintf("v%d", version)] = priceOf(int64(1000 + version))
}

func (w *workshop) gate(name string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gates[name] = make(chan struct{})
	return w.gates[name]
}

func (w *workshop) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, times := range w.compiled {
		n += times
	}
	return n
}

func (w *workshop) Compile(ctx context.Context, b core.Binding) (core.Mechanic, error) {
	w.mu.Lock()
	gate := w.gates[b.Mechanic]
	w.compiled[b.Mechanic]++
	w.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.known.Compile(ctx, b)
}

// fleet is a drop that several nodes serve which know of one another.
type fleet struct {
	*drop

	nodes []*core.Engine
}

// newFleet starts the nodes a, b, … of a sale at the price of ruleset 1, which is 1001.
func newFleet(t *testing.T, s store, w *workshop, nodes int) *fleet {
	t.Helper()
	f := &fleet{drop: newDrop(t, s, w.known, func(c *core.Campaign) {
		c.Items[0].Stock, c.Items[0].Limit = 1000, 0
		c.Ruleset = []core.Binding{{Mechanic: "v1"}}
	})}
	f.Stop() // who applied it is no node of it
	for i := range nodes {
		f.join(string(rune('a'+i)), w, shared(s))
	}
	return f
}

// shared is what the nodes of a store know of one another by.
func shared(s store) core.NodeStore { return s.(core.NodeStore) } //nolint:errcheck // both stores are

// join starts one more node and waits until it is among those that the first one sees.
func (f *fleet) join(id string, compiler core.Compiler, nodes core.NodeStore) *core.Engine {
	f.t.Helper()
	e := f.joining(id, compiler, nodes)
	must(f.t, e.Start(f.t.Context()))
	f.t.Cleanup(e.Stop)
	f.nodes = append(f.nodes, e)
	return e
}

// joining is a node that was not started.
func (f *fleet) joining(id string, compiler core.Compiler, nodes core.NodeStore) *core.Engine {
	return core.NewEngine(core.Options{
		Store: f.store, Campaigns: f.store, Ledger: f.store, Compiler: compiler, Nodes: nodes, NodeID: id, Version: "test",
		Now: f.clock.now, Log: slog.New(slog.DiscardHandler),
	})
}

// add adds a ruleset that binds the mechanic, at the first node.
func (f *fleet) add(mechanic string) *core.Ruleset {
	f.t.Helper()
	r, err := f.nodes[0].AddRuleset(context.Background(), core.RulesetRequest{
		Campaign: "phone", Bindings: []core.Binding{{Mechanic: mechanic}}, Reason: "to try it", Actor: operator,
	})
	must(f.t, err)
	return r
}

// rollout is the one in force.
func (f *fleet) rollout() core.Rollout {
	f.t.Helper()
	record, err := f.store.Campaign(context.Background(), "phone")
	must(f.t, err)
	return record.Rollout
}

// change asks the node for a change of the rollout that is in force.
func (f *fleet) change(e *core.Engine, c core.Change, at int64) (*core.Swapped, error) {
	f.t.Helper()
	return e.ChangeRollout(context.Background(), core.RolloutRequest{
		Campaign: "phone", Change: c, Expect: f.rollout().Number, At: at, Reason: "it is time", Actor: operator,
	})
}

// ready waits until every node is ready for the ruleset.
func (f *fleet) ready(ruleset int64) {
	f.t.Helper()
	missing, err := f.nodes[0].AwaitReady(context.Background(), "phone", ruleset, patience)
	must(f.t, err)
	if len(missing) > 0 {
		f.t.Fatalf("not ready: %+v", missing)
	}
}

// follow waits until every node follows the revision, and returns how far each has come.
func (f *fleet) follow(revision int64) []core.NodeFollowed {
	f.t.Helper()
	followed, err := f.nodes[0].AwaitFollowed(context.Background(), "phone", revision, patience)
	must(f.t, err)
	for _, n := range followed {
		if n.At == 0 && n.Unserved == "" {
			f.t.Fatalf("revision %d is not followed by all: %+v", revision, followed)
		}
	}
	return followed
}

// pays places an order at the node and requires its price.
func (f *fleet) pays(e *core.Engine, shopper string, want int64) *core.Order {
	f.t.Helper()
	o, _, err := e.Place(context.Background(), buy(shopper, "k-"+shopper))
	must(f.t, err)
	if o.Total != want {
		f.t.Errorf("%s pays %d, want %d", shopper, o.Total, want)
	}
	return o
}

// actions lists what made the campaign's rollouts, the newest first.
func (f *fleet) actions() (actions []core.Action) {
	f.t.Helper()
	entries, err := f.nodes[0].RolloutHistory(context.Background(), "phone", 0, 100, operator)
	must(f.t, err)
	for _, entry := range entries {
		actions = append(actions, entry.Rollout.Action)
	}
	return actions
}

// deaf hears of nothing: its connection is silent.
type deaf struct{ core.NodeStore }

func (deaf) Listen(ctx context.Context, _ func(string)) error {
	<-ctx.Done()
	return ctx.Err()
}

// doomed dies without a word: its row stays behind.
type doomed struct{ core.NodeStore }

func (doomed) DropNodes(context.Context, int64, string) error { return errors.New("it is dead") }

// watched tells a test whenever the nodes are looked for.
type watched struct {
	core.NodeStore

	mu     sync.Mutex
	looked func(times int)
	times  int
}

func (w *watched) Nodes(ctx context.Context, since int64) ([]*core.Node, error) {
	w.mu.Lock()
	w.times++
	if w.looked != nil {
		w.looked(w.times)
	}
	w.mu.Unlock()
	return w.NodeStore.Nodes(ctx, since)
}

// idsOf lists the nodes that the node sees.
func (f *fleet) idsOf(e *core.Engine) (ids []string) {
	f.t.Helper()
	nodes, err := e.Nodes(context.Background())
	must(f.t, err)
	for _, n := range nodes {
		ids = append(ids, n.ID)
	}
	return ids
}

// readyOn lists the nodes that say that they are ready for the ruleset.
func (f *fleet) readyOn(ruleset int64) (ids []string) {
	f.t.Helper()
	nodes, err := f.nodes[0].Nodes(context.Background())
	must(f.t, err)
	for _, n := range nodes {
		if said := n.Campaigns["phone"]; said != nil && slices.Contains(said.Ready, ruleset) {
			ids = append(ids, n.ID)
		}
	}
	return ids
}
