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

// enterEach is a mechanic that enters the owner of a link into the draw once per repost.
func enterEach(*core.Facts) []core.Effect {
	return []core.Effect{{Kind: core.EffectEnter, Name: "prizes", Units: 1}}
}

// withPrizes gives the campaign a draw of three vouchers.
func withPrizes(c *core.Campaign) {
	c.VoucherPools = map[string]core.VoucherPool{"pool": {Count: 3, Value: 500}}
	c.Draws = map[string]core.DrawTerms{
		"prizes": {Title: core.Text{EN: "Prizes", ZH: "奖品"}, Closes: opening.Add(30 * time.Minute), Winners: 3, Pool: "pool"},
	}
}

// newPrizes starts a campaign with a draw that shoppers s1 … sn have entered, shopper si with the weight i.
func newPrizes(t *testing.T, s store, n int, change func(*core.Campaign)) *sharing {
	t.Helper()
	d := newSharing(t, s, change, enterEach)
	var events []core.SocialEvent
	for i := 1; i <= n; i++ {
		code := d.link(fmt.Sprintf("s%d", i))
		for k := range i {
			events = append(events, repost(fmt.Sprintf("e%d-%d", i, k), fmt.Sprintf("u%d-%d", i, k), code))
		}
	}
	for _, a := range d.send(events) {
		if a.Result != "counted" || a.Entries != 1 {
			t.Fatalf("%+v", a)
		}
	}
	return d
}

func (d *drop) send(events []core.SocialEvent) []core.SocialResult {
	d.t.Helper()
	answers, err := d.Social(d.t.Context(), "weibo", events)
	must(d.t, err)
	return answers
}

// work lets a node do what is due.
func (d *drop) work(e *core.Engine) {
	d.t.Helper()
	_, err := e.Work(context.Background(), "phone")
	must(d.t, err)
}

func (d *drop) draw() *core.DrawView {
	d.t.Helper()
	view, err := d.Draw(d.t.Context(), "phone", "prizes")
	must(d.t, err)
	return view
}

// documents returns the campaign's documents of a kind.
func (d *drop) documents(kind core.DocumentKind) []*core.Document {
	d.t.Helper()
	list, err := d.store.ListDocuments(d.t.Context(), core.DocumentQuery{Campaign: "phone", Brand: "xiaomi", Kind: kind, Limit: 10_000})
	must(d.t, err)
	return list
}

// wantDrawn requires that the draw is over and right: drawn again from the export it agrees, and every winner was told and
// granted one voucher.
func (d *drop) wantDrawn(winners int) {
	d.t.Helper()
	view := d.draw()
	if view.State != core.DrawDrawn || len(view.Winners) != winners {
		d.t.Fatalf("the draw is %+v", view)
	}
	export, err := d.DrawExport(d.t.Context(), "phone", "prizes")
	must(d.t, err)
	if found := export.Verify(); len(found) > 0 || export.Digest != view.Digest || !slices.Equal(export.Winners, view.Winners) {
		d.t.Errorf("drawn again: %v", found)
	}
	told := map[string]int{}
	for _, m := range d.documents(core.DocumentMessage) {
		told[m.Shopper]++
	}
	granted := map[string]int{}
	for _, v := range d.documents(core.DocumentVoucher) {
		granted[v.Shopper]++
	}
	won := 0
	for i := range int(view.Entries) + 1 {
		id := fmt.Sprintf("s%d", i)
		entry, err := d.DrawEntry(d.t.Context(), "phone", "prizes", aShopper(id))
		must(d.t, err)
		wins := 0
		if entry.Place > 0 {
			wins = 1
			won++
		}
		if told[id] != wins || granted[id] != wins {
			d.t.Errorf("%s, place %d, was told %d times and granted %d vouchers", id, entry.Place, told[id], granted[id])
		}
	}
	if won != winners {
		d.t.Errorf("%d of the entries won", won)
	}
	d.audit()
}

func TestADrawKeepsItsSeedUntilTheWinnersAreDrawn(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newPrizes(t, s, 9, withPrizes)
		open := d.draw()
		if open.State != core.DrawOpen || open.Seed != "" || len(open.SeedHash) != 64 || open.Weight != 45 || open.Winners != nil {
			t.Errorf("open it is %+v", open)
		}
		_, err := d.DrawExport(t.Context(), "phone", "prizes")
		wantCode(t, err, core.CodeWrongState)
		before, err := d.DrawEntry(t.Context(), "phone", "prizes", aShopper("s4"))
		must(t, err)
		if before.Weight != 4 || before.At != opening.UnixMilli() || before.ID != "" {
			t.Errorf("the entry is %+v", before)
		}
		d.work(d.Engine)
		if d.draw().State != core.DrawOpen {
			t.Error("it closed before its time")
		}
		d.clock.advance(30 * time.Minute)
		d.work(d.Engine)
		d.wantDrawn(3)
		drawn := d.draw()
		if drawn.SeedHash != open.SeedHash || drawn.Weight != 45 || drawn.Entries != 9 || drawn.DrawnAt != opening.Add(30*time.Minute).UnixMilli() {
			t.Errorf("drawn it is %+v", drawn)
		}
		export, err := d.DrawExport(t.Context(), "phone", "prizes")
		must(t, err)
		if entry, _ := export.Find("s4"); entry == nil || entry.Weight != 4 {
			t.Errorf("s4 finds %+v", entry)
		}
		d.work(d.Engine) // nothing is left to do
		d.wantDrawn(3)
		_, err = d.Draw(t.Context(), "phone", "nope")
		wantCode(t, err, core.CodeNotFound)
	})
}

func TestADrawWithoutEntriesHasNoWinners(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newPrizes(t, s, 0, withPrizes)
		d.clock.advance(30 * time.Minute)
		d.work(d.Engine)
		d.wantDrawn(0)
		stranger, err := d.DrawEntry(t.Context(), "phone", "prizes", aShopper("s1"))
		must(t, err)
		if *stranger != (core.EntryView{}) {
			t.Errorf("%+v", stranger)
		}
	})
}

func TestACountGoesOnWithoutTheEntryIntoAClosedDraw(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newPrizes(t, s, 3, withPrizes)
		d.clock.advance(30*time.Minute - time.Millisecond)
		if a := d.send([]core.SocialEvent{repost("before", "x", d.link("s1"))})[0]; a.Result != "counted" || a.Entries != 1 {
			t.Errorf("in the last millisecond: %+v", a)
		}
		d.clock.advance(time.Millisecond)
		late := d.send([]core.SocialEvent{repost("late", "y", d.link("s1"))})[0]
		d.work(d.Engine)
		later := d.send([]core.SocialEvent{repost("later", "z", d.link("s1"))})[0]
		for _, a := range []core.SocialResult{late, later} {
			if a.Result != "counted" || a.Code != core.CodeDrawClosed || a.Entries != 0 {
				t.Errorf("%+v", a)
			}
		}
		if d.counts("s1").Reposts != 4 || d.weight("s1") != 2 {
			t.Errorf("%+v, weight %d", d.counts("s1"), d.weight("s1"))
		}
		d.wantDrawn(3)
	})
}

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

func TestPrizesWaitForTheirPool(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newPrizes(t, s, 9, func(c *core.Campaign) {
			withPrizes(c)
			pool := c.VoucherPools["pool"]
			pool.Expires = opening.Add(31 * time.Minute)
			c.VoucherPools["pool"] = pool
		})
		d.clock.advance(40 * time.Minute) // nobody swept until the vouchers had expired
		d.work(d.Engine)
		if view := d.draw(); view.State != core.DrawDrawn || len(d.documents(core.DocumentVoucher)) != 0 {
			t.Errorf("%+v", view)
		}
		d.def = d.with(func(c *core.Campaign) { c.VoucherPools = map[string]core.VoucherPool{"pool": {Count: 3, Value: 500}} })
		_, err := d.apply(d.def)
		must(t, err)
		d.work(d.Engine)
		if len(d.documents(core.DocumentVoucher)) != 0 {
			t.Error("it tried again at once")
		}
		d.clock.advance(time.Minute)
		d.work(d.Engine)
		d.wantDrawn(3)
	})
}

func TestManyWinnersAreToldInPortions(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		const winners = 230
		d := newSharing(t, s, func(c *core.Campaign) {
			withPrizes(c)
			c.VoucherPools = map[string]core.VoucherPool{"pool": {Count: winners, Value: 500}}
			terms := c.Draws["prizes"]
			terms.Winners = winners
			c.Draws = map[string]core.DrawTerms{"prizes": terms}
		}, enterEach)
		var events []core.SocialEvent
		for i := range winners + 20 {
			id := fmt.Sprintf("s%d", i)
			events = append(events, repost(id, id, d.link(id)))
		}
		d.send(events)
		d.clock.advance(30 * time.Minute)
		d.work(d.Engine)
		d.wantDrawn(winners)
	})
}

// TestADrawClosesWhenItsFileSays moves the closing time, to later with entries and to earlier without.
func TestADrawClosesWhenItsFileSays(t *testing.T) {
	moved := func(d *sharing, by time.Duration) {
		d.def = d.with(func(c *core.Campaign) {
			terms := c.Draws["prizes"]
			terms.Closes = terms.Closes.Add(by)
			c.Draws = map[string]core.DrawTerms{"prizes": terms}
		})
		_, err := d.apply(d.def)
		must(d.t, err)
	}
	eachStore(t, func(t *testing.T, s store) {
		d := newPrizes(t, s, 0, withPrizes)
		moved(d, -20*time.Minute)
		moved(d, -5*time.Minute)
		d.send([]core.SocialEvent{repost("e", "u", d.link("s1"))})
		moved(d, 3*time.Minute)
		d.clock.advance(5 * time.Minute)
		d.work(d.Engine)
		if d.draw().State != core.DrawOpen || d.draw().ClosesAt != opening.Add(8*time.Minute).UnixMilli() {
			t.Errorf("%+v", d.draw())
		}
		d.clock.advance(3 * time.Minute)
		d.work(d.Engine)
		d.wantDrawn(1)
	})
}

func TestWhatWouldBeUnfairToWhoEnteredIsRefused(t *testing.T) {
	change := func(f func(terms *core.DrawTerms)) func(*core.Campaign) {
		return func(c *core.Campaign) {
			terms := c.Draws["prizes"]
			f(&terms)
			c.Draws = map[string]core.DrawTerms{"prizes": terms}
		}
	}
	earlier := change(func(t *core.DrawTerms) { t.Closes = t.Closes.Add(-time.Minute) })
	later := change(func(t *core.DrawTerms) { t.Closes = t.Closes.Add(time.Minute) })
	fewer := change(func(t *core.DrawTerms) { t.Winners-- })
	noPool := change(func(t *core.DrawTerms) { t.Pool = "" })
	title := change(func(t *core.DrawTerms) { t.Title.EN = "Other prizes" })
	more := func(c *core.Campaign) {
		c.VoucherPools = map[string]core.VoucherPool{"pool": {Count: 4, Value: 500}}
		change(func(t *core.DrawTerms) { t.Winners++ })(c)
	}
	gone := func(c *core.Campaign) { c.Draws = nil }
	for _, tt := range []struct {
		name    string
		entries int
		after   time.Duration // since the opening
		sweep   bool
		change  func(*core.Campaign)
		path    string // of the problem, "" for none
	}{
		{"earlier, before anybody entered", 0, 0, false, earlier, ""},
		{"fewer winners, before anybody entered", 0, 0, false, fewer, ""},
		{"gone, before anybody entered", 0, 0, false, gone, ""},
		{"later", 2, 0, false, later, ""},
		{"more winners", 2, 0, false, more, ""},
		{"another title", 2, 0, false, title, ""},
		{"earlier", 2, 0, false, earlier, "draws.prizes.closes"},
		{"fewer winners", 2, 0, false, fewer, "draws.prizes.winners"},
		{"no prizes", 2, 0, false, noPool, "draws.prizes.pool"},
		{"gone", 2, 0, false, gone, "draws.prizes"},
		{"later, when it is over but not swept", 2, 30 * time.Minute, false, later, "draws.prizes.closes"},
		{"later, when it is drawn", 2, 30 * time.Minute, true, later, "draws.prizes"},
		{"more winners, when it is drawn", 2, 30 * time.Minute, true, more, "draws.prizes"},
		{"no prizes, when it is drawn", 2, 30 * time.Minute, true, noPool, "draws.prizes"},
		{"another title, when it is drawn", 2, 30 * time.Minute, true, title, ""},
		{"gone, when it is drawn", 2, 30 * time.Minute, true, gone, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := sqliteStore(t)
			d := newPrizes(t, s, tt.entries, withPrizes)
			d.clock.advance(tt.after)
			if tt.sweep {
				d.work(d.Engine)
			}
			_, err := d.apply(d.with(tt.change))
			problems := &core.Problems{}
			switch {
			case tt.path == "":
				must(t, err)
			case !errors.As(err, &problems) || problems.List[0].Path != tt.path:
				t.Errorf("err = %v", err)
			}
			d.audit()
		})
	}
}

func TestANameOfADrawIsUsedUpOnceItWasClosed(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newPrizes(t, s, 3, withPrizes)
		d.clock.advance(30 * time.Minute)
		d.work(d.Engine)
		d.wantDrawn(3)
		_, err := d.apply(d.with(func(c *core.Campaign) { c.Draws = nil }))
		must(t, err)
		_, err = d.apply(d.with(func(c *core.Campaign) { c.Draws = d.def.Draws }))
		wantCode(t, err, core.CodeInvalid)
		if d.draw().State != core.DrawDrawn {
			t.Error("the draw is gone with the file's words about it")
		}
		d.audit()
	})
}

func TestADrawThatComesBackBeforeAnybodyEnteredKeepsItsSeed(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newPrizes(t, s, 0, withPrizes)
		hash := d.draw().SeedHash
		_, err := d.apply(d.with(func(c *core.Campaign) { c.Draws = nil }))
		must(t, err)
		_, err = d.apply(d.def)
		must(t, err)
		if d.draw().SeedHash != hash {
			t.Error("a seed was chosen twice for one draw")
		}
		d.send([]core.SocialEvent{repost("e", "u", d.link("s1"))})
		d.clock.advance(30 * time.Minute)
		d.work(d.Engine)
		d.wantDrawn(1)
	})
}

func sqliteStore(t *testing.T) store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), t.TempDir())
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	must(t, s.Migrate(t.Context()))
	return s
}
