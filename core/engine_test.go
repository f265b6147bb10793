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
	"hotdrop/core/sqlite"
)

func TestAnOrderIsPlacedAtTheDecidedPrice(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, mechanics{"flash": priceOf(99_900)}, func(c *core.Campaign) {
			c.Ruleset = []core.Binding{{Mechanic: "flash"}}
		})
		q, err := d.Quote(t.Context(), buy("ann", ""))
		must(t, err)
		o := d.place("ann")
		if q.Total != 99_900 || o.Total != q.Total || o.State != core.OrderPlaced || core.CampaignOf(o.ID) != "phone" {
			t.Errorf("quote %+v, order %+v", q, o)
		}
		if d.left() != 9 {
			t.Errorf("left = %d", d.left())
		}
		stored, err := d.Order(t.Context(), o.ID, "ann")
		must(t, err)
		if string(stored.Quote) != string(o.Quote) || len(stored.Quote) == 0 {
			t.Errorf("the pinned decision is\n%s\nwas\n%s", stored.Quote, o.Quote)
		}
		_, err = d.Order(t.Context(), o.ID, "bob")
		wantCode(t, err, core.CodeNotFound)
		d.audit()
	})
}

func TestRefusals(t *testing.T) {
	deny := func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
		if f.Shopper.Tier == "blocked" {
			effects = append(effects, core.Effect{Kind: core.EffectDeny, Name: "blocked", Text: core.Text{EN: "Not for you"}})
		}
		return effects, nil
	}
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, mechanics{"deny": deny}, func(c *core.Campaign) {
			c.Ruleset = []core.Binding{{Mechanic: "deny"}}
			c.Items = append(c.Items,
				core.Item{SKU: "reserved", Title: core.Text{EN: "R"}, Price: 1, Stock: 1, Hold: core.Duration(time.Minute), NeedsReservation: true},
				core.Item{SKU: "gone", Title: core.Text{EN: "G"}, Price: 1, Stock: 0, Hold: core.Duration(time.Minute)})
		})
		other := int64(1)
		for _, tt := range []struct {
			name   string
			change func(*core.OrderRequest)
			want   core.Code
		}{
			{"an unknown campaign", func(r *core.OrderRequest) { r.Campaign = "nope" }, core.CodeNotFound},
			{"an unknown item", func(r *core.OrderRequest) { r.SKU = "nope" }, core.CodeInvalid},
			{"no units", func(r *core.OrderRequest) { r.Quantity = 0 }, core.CodeInvalid},
			{"a negative quantity", func(r *core.OrderRequest) { r.Quantity = -1 }, core.CodeInvalid},
			{"a huge quantity", func(r *core.OrderRequest) { r.Quantity = 1 << 62 }, core.CodeInvalid},
			{"more than the limit", func(r *core.OrderRequest) { r.Quantity = 2 }, core.CodeLimitReached},
			{"no key", func(r *core.OrderRequest) { r.Key = "" }, core.CodeIdempotencyMissing},
			{"an undeclared input", func(r *core.OrderRequest) { r.Input = core.Object{"x": int64(1)} }, core.CodeInvalid},
			{"another price than expected", func(r *core.OrderRequest) { r.ExpectTotal = &other }, core.CodePriceChanged},
			{"no reservation", func(r *core.OrderRequest) { r.SKU = "reserved" }, core.CodeReservationRequired},
			{"sold out", func(r *core.OrderRequest) { r.SKU = "gone" }, core.CodeSoldOut},
			{"a mechanic that denies", func(r *core.OrderRequest) { r.Shopper.Tier = "blocked" }, core.CodeDenied},
		} {
			t.Run(tt.name, func(t *testing.T) {
				req := buy("ann", "k")
				tt.change(&req)
				_, _, err := d.Place(t.Context(), req)
				wantCode(t, err, tt.want)
			})
		}
		d.clock.advance(time.Hour)
		_, _, err := d.Place(t.Context(), buy("ann", "k"))
		wantCode(t, err, core.CodeNotInPhase)
		d.clock.advance(-2 * time.Hour)
		_, _, err = d.Place(t.Context(), buy("ann", "k"))
		wantCode(t, err, core.CodeNotInPhase)
		if d.left() != 10 {
			t.Errorf("refusals took stock: %d left", d.left())
		}
		d.audit()
	})
}

func TestAKeyIsOneOrderWhateverHappensAfterwards(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, func(c *core.Campaign) { c.Items[0].Stock = 1 })
		first := d.place("ann")
		_, err := d.TopUp(t.Context(), core.TopUp{Shopper: "ann", Currency: "CNY", Amount: 1_000_000, Key: "t"})
		must(t, err)
		_, err = d.Pay(t.Context(), core.OrderAction{Order: first.ID, Shopper: "ann", Key: "p"})
		must(t, err)
		d.clock.advance(2 * time.Hour) // sold out, closed, and paid: the answer to the key is still what it was
		again, replayed, err := d.Place(t.Context(), buy("ann", "k-ann"))
		must(t, err)
		if !replayed || again.ID != first.ID || again.State != core.OrderPlaced || again.Revision != 1 || again.Dues[0] != first.Dues[0] {
			t.Errorf("replayed %v: %+v, first %+v", replayed, again, first)
		}
		changed := buy("ann", "k-ann")
		changed.Input = core.Object{"a": int64(1)}
		_, _, err = d.Place(t.Context(), changed)
		wantCode(t, err, core.CodeIdempotencyMismatch)
		d.audit()
	})
}

// TestARushSellsExactlyTheStock lets many shoppers, some twice and some with retries of their key, run at two nodes at
// once.
func TestARushSellsExactlyTheStock(t *testing.T) {
	const stock, shoppers = 60, 200
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, func(c *core.Campaign) { c.Items[0].Stock = stock })
		nodes := []*core.Engine{d.Engine, d.node(nil, nil)}
		var mu sync.Mutex
		orders, byShopper := map[string]bool{}, map[string]string{}
		var rush sync.WaitGroup
		for i := range shoppers {
			for try := range 3 { // the second is a retry of the first, the third is greedy
				rush.Go(func() {
					shopper := fmt.Sprintf("s%03d", i)
					o, _, err := nodes[(i+try)%2].Place(context.Background(), buy(shopper, fmt.Sprintf("k%d", try/2)))
					if err != nil {
						if !slices.Contains([]core.Code{core.CodeSoldOut, core.CodeLimitReached, core.CodeInFlight}, core.CodeOf(err)) {
							t.Errorf("%s: %v", shopper, err)
						}
						return
					}
					mu.Lock()
					defer mu.Unlock()
					orders[o.ID] = true
					if other := byShopper[shopper]; other != "" && other != o.ID {
						t.Errorf("%s got two orders", shopper)
					}
					byShopper[shopper] = o.ID
				})
			}
		}
		rush.Wait()
		if len(orders) != stock || d.left() != 0 {
			t.Errorf("sold %d of %d, %d left", len(orders), stock, d.left())
		}
		d.audit()
	})
}

func TestReservationsAreOncePerShopperAndNumberedWithoutGaps(t *testing.T) {
	const shoppers = 150
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		d.clock.advance(-30 * time.Minute)
		nodes := []*core.Engine{d.Engine, d.node(nil, nil)}
		var mu sync.Mutex
		positions, created := map[int64]string{}, 0
		var rush sync.WaitGroup
		for i := range shoppers {
			for try := range 2 {
				rush.Go(func() {
					shopper := core.Principal{ID: fmt.Sprintf("s%03d", i)}
					r, isNew, err := nodes[(i+try)%2].Reserve(context.Background(), "phone", shopper, "")
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					if isNew {
						created++
					}
					if other := positions[r.Position]; other != "" && other != shopper.ID {
						t.Errorf("position %d is %s's and %s's", r.Position, other, shopper.ID)
					}
					positions[r.Position] = shopper.ID
				})
			}
		}
		rush.Wait()
		if created != shoppers || len(positions) != shoppers || positions[shoppers] == "" {
			t.Errorf("created %d, positions %d", created, len(positions))
		}
		d.audit()
		d.clock.advance(time.Hour)
		_, _, err := d.Reserve(t.Context(), "phone", core.Principal{ID: "late"}, "")
		wantCode(t, err, core.CodeNotInPhase)
		if _, isNew, err := d.Reserve(t.Context(), "phone", core.Principal{ID: "s001"}, ""); err != nil || isNew {
			t.Errorf("an early shopper's repeat: %v, %v", isNew, err)
		}
	})
}

// TestNoOrderIsPricedByASupersededRuleset swaps the price under load. An order that began after a swap's commit must
// have the new price, and every order the price of the ruleset it names.
func TestNoOrderIsPricedByASupersededRuleset(t *testing.T) {
	const swaps, workers = 25, 8
	eachStore(t, func(t *testing.T, s store) {
		m := mechanics{}
		for n := range swaps + 1 {
			m[fmt.Sprintf("v%d", n)] = priceOf(int64(1000 + n))
		}
		d := newDrop(t, s, m, func(c *core.Campaign) {
			c.Items[0].Stock, c.Items[0].Limit = 1_000_000, 0
			c.Ruleset = []core.Binding{{Mechanic: "v0"}}
		})
		other := d.node(m, nil)
		var mu sync.Mutex
		committed := 0
		stop := make(chan struct{})
		var rush sync.WaitGroup
		for w := range workers {
			rush.Go(func() {
				node := []*core.Engine{d.Engine, other}[w%2]
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					mu.Lock()
					least := committed
					mu.Unlock()
					o, _, err := node.Place(context.Background(), buy(fmt.Sprintf("w%d-%d", w, i), "k"))
					if err != nil {
						t.Error(err)
						return
					}
					if o.Total < int64(1000+least) {
						t.Errorf("an order that began under ruleset %d or later costs %d", least, o.Total)
					}
				}
			})
		}
		for n := 1; n <= swaps; n++ {
			d.def = d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: fmt.Sprintf("v%d", n)}} })
			record, err := d.apply(d.def)
			must(t, err)
			if record.Ruleset.Number != int64(n+1) {
				t.Errorf("swap %d has number %d", n, record.Ruleset.Number)
			}
			mu.Lock()
			committed = n
			mu.Unlock()
			d.place(fmt.Sprintf("swap-%d", n)) // some order is decided under every ruleset
		}
		close(stop)
		rush.Wait()
		d.audit()
	})
}

// lossy is a store whose connection breaks after some commits: the caller cannot know whether they happened.
type lossy struct {
	core.Store
	mu   sync.Mutex
	left int
}

func (l *lossy) Apply(ctx context.Context, plan *core.Plan) (*core.Applied, error) {
	applied, err := l.Store.Apply(ctx, plan)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && len(plan.Orders) > 0 && l.left > 0 {
		l.left--
		return nil, fmt.Errorf("connection reset: %w", core.ErrUnavailable)
	}
	return applied, err
}

func TestACommitWhoseAnswerWasLostIsFoundAgain(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		e := core.NewEngine(core.Options{
			Store: &lossy{Store: s, left: 1}, Campaigns: s, Ledger: s, Compiler: mechanics{}, Now: d.clock.now,
			Log: slog.New(slog.DiscardHandler),
		})
		must(t, e.Start(t.Context()))
		t.Cleanup(e.Stop)
		o, _, err := e.Place(t.Context(), buy("ann", "k"))
		must(t, err)
		if _, err := d.Order(t.Context(), o.ID, "ann"); err != nil || d.left() != 9 {
			t.Errorf("order %v, %d left", err, d.left())
		}
		d.audit()
	})
}

func TestTheStoresFailuresHaveCodes(t *testing.T) {
	for err, want := range map[error]core.Code{
		core.ErrUnavailable: core.CodeUnavailable, core.ErrFull: core.CodeStorageFull, errors.New("defect"): core.CodeInternal,
	} {
		s, openErr := sqlite.Open(t.Context(), t.TempDir())
		must(t, openErr)
		must(t, s.Migrate(t.Context()))
		d := newDrop(t, s, nil, nil)
		e := core.NewEngine(core.Options{
			Store: broken{s, err}, Campaigns: s, Ledger: s, Compiler: mechanics{}, Now: d.clock.now, Log: slog.New(slog.DiscardHandler),
		})
		must(t, e.Start(t.Context()))
		_, _, got := e.Place(t.Context(), buy("ann", "k"))
		wantCode(t, got, want)
		if failure, ok := errors.AsType[*core.Error](got); ok && (want != core.CodeInternal) != (failure.RetryAfter > 0) {
			t.Errorf("%s: retry after %s", want, failure.RetryAfter)
		}
		e.Stop()
		d.Stop()
		_ = s.Close()
	}
}

// broken is a store that refuses to write.
type broken struct {
	core.Store
	err error
}

func (b broken) Apply(context.Context, *core.Plan) (*core.Applied, error) { return nil, b.err }

func (b broken) ApplyLocked(context.Context, core.Query, func(*core.State) (*core.Plan, error)) (*core.Applied, error) {
	return nil, b.err
}
