package core_test

import (
	"context"
	"fmt"
	"slices"
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

func sqliteStore(t *testing.T) store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), t.TempDir())
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	must(t, s.Migrate(t.Context()))
	return s
}
