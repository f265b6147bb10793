package core_test

import (
	"errors"
	"testing"
	"time"

	"hotdrop/core"
)

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
