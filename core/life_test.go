package core_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// hooks is a mechanic that decides at several hooks, by functions.
type hooks map[core.Hook]func(f *core.Facts) ([]core.Effect, error)

// shows is a compiler of such mechanics, by name.
type shows map[string]hooks

func (s shows) Compile(_ context.Context, b core.Binding) (core.Mechanic, error) {
	h, ok := s[b.Mechanic]
	if !ok {
		problems := &core.Problems{}
		problems.Add("mechanic", "there is no mechanic %q", b.Mechanic)
		return nil, problems
	}
	return show{b.Mechanic, h}, nil
}

type show struct {
	name  string
	hooks hooks
}

func (s show) Manifest() *core.Manifest {
	m := &core.Manifest{Name: s.name, Kind: "rule", Digest: "sha256:" + s.name}
	for _, hook := range core.Hooks() {
		if s.hooks[hook] != nil {
			m.Hooks = append(m.Hooks, hook)
		}
	}
	return m
}

func (s show) Decide(hook core.Hook, f *core.Facts, effects []core.Effect) ([]core.Effect, core.Usage, error) {
	more, err := s.hooks[hook](f)
	return append(effects, more...), core.Usage{}, err
}

// asking is a function of [hooks] that always asks for the same.
func asking(effects ...core.Effect) func(*core.Facts) ([]core.Effect, error) {
	return func(*core.Facts) ([]core.Effect, error) { return slices.Clone(effects), nil }
}

// life is a drop whose orders are followed beyond their payment.
type life struct {
	*drop

	shows shows
}

// newLife starts an engine on the store and a campaign that binds every one of the mechanics.
func newLife(t *testing.T, s store, m shows, change func(*core.Campaign)) *life {
	t.Helper()
	d := newDrop(t, s, nil, change)
	l := &life{drop: d, shows: m}
	d.Stop()
	d.Engine = l.another(s, nil)
	if len(m) > 0 {
		d.def = d.with(func(c *core.Campaign) {
			for _, name := range slices.Sorted(maps.Keys(m)) {
				c.Ruleset = append(c.Ruleset, core.Binding{Mechanic: name})
			}
		})
		_, err := d.apply(d.def)
		must(t, err)
	}
	return l
}

// another starts one more engine on the store, which may stand in for the one of the drop.
func (l *life) another(s core.Store, provider func(core.Provider) core.Provider) *core.Engine {
	l.t.Helper()
	o := core.Options{
		Store: s, Campaigns: l.store, Ledger: l.store, Compiler: l.shows, Now: l.clock.now, Log: slog.New(slog.DiscardHandler),
	}
	if provider != nil {
		o.Provider = provider(core.NewWallet(l.store, l.clock.now, o.Log))
	}
	e := core.NewEngine(o)
	must(l.t, e.Start(l.t.Context()))
	l.t.Cleanup(e.Stop)
	return e
}

// idle waits until this node has done what it took on in the background, and then does what others left.
func (l *life) idle() {
	l.t.Helper()
	for range 10 {
		l.Idle()
		l.clock.advance(6 * time.Second) // after which a task is anybody's
		n, err := l.Work(context.Background(), "phone")
		must(l.t, err)
		if n == 0 {
			return
		}
	}
	l.t.Error("there is always something due")
}

func (l *life) pay(o *core.Order, key string) *core.Order {
	l.t.Helper()
	paid, err := l.Pay(context.Background(), payOf(o, key))
	must(l.t, err)
	return paid
}

func (l *life) order(o *core.Order) *core.Order {
	l.t.Helper()
	now, err := l.Order(context.Background(), o.ID, o.Shopper)
	must(l.t, err)
	return now
}

// documents returns the campaign's documents of the kind, by id.
func (l *life) documents(kind core.DocumentKind) []*core.Document {
	l.t.Helper()
	found, err := l.store.ListDocuments(context.Background(), core.DocumentQuery{Campaign: "phone", Brand: "xiaomi", Kind: kind, Limit: 1000})
	must(l.t, err)
	return found
}

// tasks returns what is left to do.
func (l *life) tasks() []core.Task {
	l.t.Helper()
	var tasks []core.Task
	for _, d := range l.documents(core.DocumentTask) {
		var task core.Task
		must(l.t, json.Unmarshal(d.Content, &task))
		tasks = append(tasks, task)
	}
	return tasks
}

// told returns the texts of the shopper's messages, each in English and then in Chinese.
func (l *life) told(shopper string) []string {
	l.t.Helper()
	var texts []string
	for _, d := range l.documents(core.DocumentMessage) {
		var message core.Message
		must(l.t, json.Unmarshal(d.Content, &message))
		if d.Shopper == shopper {
			texts = append(texts, message.Text.EN+"\n"+message.Text.ZH)
		}
	}
	return texts
}

func (l *life) wantTold(shopper, part string) {
	l.t.Helper()
	if !slices.ContainsFunc(l.told(shopper), func(text string) bool { return strings.Contains(text, part) }) {
		l.t.Errorf("%s was told %q, and nothing of %q", shopper, l.told(shopper), part)
	}
}

func (l *life) wantBalance(shopper string, want int64) {
	l.t.Helper()
	if got := l.balance(shopper); got != want {
		l.t.Errorf("%s has %d, want %d", shopper, got, want)
	}
}

func (l *life) wantState(o *core.Order, state core.OrderState, takes core.TakesState) *core.Order {
	l.t.Helper()
	now := l.order(o)
	if now.State != state || now.TakesState != takes {
		l.t.Errorf("%s is %s with takes %s, want %s and %s", o.ID, now.State, now.TakesState, state, takes)
	}
	return now
}

var errNodeDied = errors.New("the node died")

// mortal is a store through which a node dies: from the moment on that its condition holds, nothing is written any more.
type mortal struct {
	core.Store

	mu   sync.Mutex
	dead func(plan *core.Plan) bool // asked before each plan; nil while the node lives
	died bool
}

func (m *mortal) Apply(ctx context.Context, plan *core.Plan) (*core.Applied, error) {
	m.mu.Lock()
	m.died = m.died || m.dead != nil && m.dead(plan)
	died := m.died
	m.mu.Unlock()
	if died {
		return nil, errNodeDied
	}
	return m.Store.Apply(ctx, plan) //nolint:wrapcheck // the store's own
}

func (m *mortal) ApplyLocked(
	ctx context.Context, q core.Query, build func(*core.State) (*core.Plan, error),
) (*core.Applied, error) {
	m.mu.Lock()
	died := m.died
	m.mu.Unlock()
	if died {
		return nil, errNodeDied
	}
	return m.Store.ApplyLocked(ctx, q, build) //nolint:wrapcheck // the store's own
}

// dies makes the node die at the first plan that the condition holds for.
func (m *mortal) dies(at func(plan *core.Plan) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = at
}

// deletes reports whether the plan deletes a task: its effects are in the same plan.
func deletes(plan *core.Plan) bool {
	return slices.ContainsFunc(plan.Documents, func(d *core.Document) bool {
		return d.Kind == core.DocumentTask && d.State == ""
	})
}

// allow fails the test unless the error is one that the action may have.
func allow(t rapid.TB, err error, codes ...core.Code) {
	t.Helper()
	if err != nil && !slices.Contains(codes, core.CodeOf(err)) {
		t.Fatal(err)
	}
}
