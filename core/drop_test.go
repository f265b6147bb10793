package core_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/postgres"
	"hotdrop/core/sqlite"
	"hotdrop/core/storetest"
)

// store is what both stores are.
type store interface {
	core.Store
	core.CampaignStore
	core.Ledger
	core.Books
}

// eachStore runs the test on every store that can be had.
func eachStore(t *testing.T, test func(t *testing.T, s store)) {
	if embeddedToo {
		t.Run("sqlite", func(t *testing.T) {
			s, err := sqlite.Open(t.Context(), t.TempDir())
			must(t, err)
			t.Cleanup(func() { _ = s.Close() })
			must(t, s.Migrate(t.Context()))
			test(t, s)
		})
	}
	t.Run("postgres", func(t *testing.T) {
		s, err := postgres.Open(t.Context(), storetest.PostgresURL(t))
		must(t, err)
		t.Cleanup(func() { _ = s.Close() })
		must(t, s.Migrate(t.Context()))
		test(t, s)
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

var opening = time.Date(2012, 12, 21, 12, 0, 0, 0, time.UTC)

// mechanic decides by a function, so that a test says in place what its campaign does.
type mechanic struct {
	name   string
	decide func(f *core.Facts, effects []core.Effect) ([]core.Effect, error)
}

func (m mechanic) Manifest() *core.Manifest {
	return &core.Manifest{Name: m.name, Kind: "rule", Digest: "sha256:" + m.name, Hooks: []core.Hook{core.HookQuote}}
}

func (m mechanic) Decide(_ core.Hook, f *core.Facts, effects []core.Effect) ([]core.Effect, core.Usage, error) {
	effects, err := m.decide(f, effects)
	return effects, core.Usage{}, err
}

// mechanics compiles bindings by looking their names up.
type mechanics map[string]func(f *core.Facts, effects []core.Effect) ([]core.Effect, error)

func (m mechanics) Compile(_ context.Context, b core.Binding) (core.Mechanic, error) {
	decide, ok := m[b.Mechanic]
	if !ok {
		problems := &core.Problems{}
		problems.Add("mechanic", "there is no mechanic %q", b.Mechanic)
		return nil, problems
	}
	return mechanic{b.Mechanic, decide}, nil
}

// priceOf returns a mechanic that sets the price.
func priceOf(amount int64) func(*core.Facts, []core.Effect) ([]core.Effect, error) {
	return func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
		return append(effects, core.Effect{Kind: core.EffectPrice, Amount: amount}), nil
	}
}

// drop is one running campaign of a test.
type drop struct {
	*core.Engine

	t     *testing.T
	store store
	clock *clock
	def   *core.Campaign
}

// newDrop starts an engine and a campaign with an hour of sale around now; change adjusts its definition first.
func newDrop(t *testing.T, s store, m mechanics, change func(*core.Campaign)) *drop {
	t.Helper()
	d := &drop{t: t, store: s, clock: &clock{at: opening}, def: &core.Campaign{
		ID: "phone", Brand: "xiaomi", Currency: "CNY", Title: core.Text{EN: "Phone"},
		Phases: core.Phases{
			Reservation: opening.Add(-time.Hour), Sale: opening, Closed: opening.Add(time.Hour),
		},
		Items: []core.Item{{
			SKU: "mi2", Title: core.Text{EN: "Mi 2"}, Price: 199_900, Stock: 10, Limit: 1, Hold: core.Duration(15 * time.Minute),
		}},
	}}
	if change != nil {
		change(d.def)
	}
	d.Engine = d.node(m, nil)
	_, err := d.apply(d.def)
	must(t, err)
	return d
}

// node starts one more engine on the same store.
func (d *drop) node(m mechanics, provider func(core.Provider) core.Provider) *core.Engine {
	d.t.Helper()
	o := core.Options{
		Store: d.store, Campaigns: d.store, Ledger: d.store, Compiler: m, Now: d.clock.now, Log: slog.New(slog.DiscardHandler),
	}
	if provider != nil {
		o.Provider = provider(core.NewWallet(d.store, d.clock.now, o.Log))
	}
	e := core.NewEngine(o)
	must(d.t, e.Start(d.t.Context()))
	d.t.Cleanup(e.Stop)
	return e
}

func (d *drop) apply(def *core.Campaign) (*core.CampaignRecord, error) {
	return d.ApplyCampaign(context.Background(), core.ApplyRequest{
		Definition: def, Actor: core.Principal{ID: "op", Role: core.RoleOperator}, Reason: "test",
	})
}

// with returns a copy of the definition with a change.
func (d *drop) with(change func(*core.Campaign)) *core.Campaign {
	def := *d.def
	def.Items = slices.Clone(def.Items)
	change(&def)
	return &def
}

func buy(shopper, key string) core.OrderRequest {
	return core.OrderRequest{
		Campaign: "phone", Shopper: core.Principal{ID: shopper, Role: core.RoleShopper}, SKU: "mi2", Quantity: 1, Key: key,
	}
}

func (d *drop) place(shopper string) *core.Order {
	d.t.Helper()
	o, _, err := d.Place(context.Background(), buy(shopper, "k-"+shopper))
	must(d.t, err)
	return o
}

func (d *drop) left() int64 {
	d.t.Helper()
	state, err := d.store.Load(context.Background(), core.Query{Campaign: "phone", Brand: "xiaomi", Counters: true})
	must(d.t, err)
	return state.Counters[core.StockCounter("mi2")].Remaining
}

// audit requires clean books.
func (d *drop) audit() {
	d.t.Helper()
	report := func(f core.Finding) { d.t.Errorf("audit: %+v", f) }
	record, err := d.store.Campaign(context.Background(), "phone")
	must(d.t, err)
	_, err = core.Audit(context.Background(), d.store, []core.CampaignKey{record.Definition.Key()}, report)
	must(d.t, err)
}

func wantCode(t testing.TB, err error, want core.Code) {
	t.Helper()
	if core.CodeOf(err) != want {
		t.Errorf("err = %v, want %q", err, want)
	}
}
