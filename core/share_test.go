package core_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

// sharer is a mechanic that decides at the hook share and keeps what it was asked.
type sharer struct {
	mu    *sync.Mutex
	asked *[]core.SharesFacts
	give  func(f *core.Facts) []core.Effect
}

func (s sharer) Manifest() *core.Manifest {
	return &core.Manifest{
		Name: "sharer", Kind: "rule", Digest: "sha256:sharer", Hooks: []core.Hook{core.HookShare}, Facts: []string{"shares.counted"},
		Effects: []core.EffectKind{core.EffectTag, core.EffectEnter},
	}
}

func (s sharer) Decide(_ core.Hook, f *core.Facts, effects []core.Effect) ([]core.Effect, core.Usage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Shares.Counted != "" { // else it is only being warmed
		*s.asked = append(*s.asked, f.Shares)
	}
	return append(effects, s.give(f)...), core.Usage{}, nil
}

// one compiles every binding to the same mechanic.
type one struct{ core.Mechanic }

func (o one) Compile(context.Context, core.Binding) (core.Mechanic, error) { return o.Mechanic, nil }

// nodeWith starts one more engine on the same store.
func (d *drop) nodeWith(compiler core.Compiler) *core.Engine {
	d.t.Helper()
	e := core.NewEngine(core.Options{Store: d.store, Campaigns: d.store, Ledger: d.store, Compiler: compiler, Now: d.clock.now})
	must(d.t, e.Start(d.t.Context()))
	d.t.Cleanup(e.Stop)
	return e
}

// sharing is a running campaign whose mechanic decides at the hook share.
type sharing struct {
	*drop

	compiler core.Compiler
	asked    *[]core.SharesFacts // what the mechanic was asked, while no other is
}

func newSharing(t *testing.T, s store, change func(*core.Campaign), give func(f *core.Facts) []core.Effect) *sharing {
	t.Helper()
	m := sharer{&sync.Mutex{}, &[]core.SharesFacts{}, give}
	d := &sharing{newDrop(t, s, nil, change), one{m}, m.asked}
	d.Engine = d.nodeWith(d.compiler)
	d.def = d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "sharer"}} })
	_, err := d.apply(d.def)
	must(t, err)
	return d
}

func aShopper(id string) core.Principal { return core.Principal{ID: id, Role: core.RoleShopper} }

// link returns the code of the shopper's link.
func (d *drop) link(id string) string {
	d.t.Helper()
	view, _, err := d.Share(d.t.Context(), "phone", aShopper(id))
	must(d.t, err)
	return view.Code
}

// counts returns what came of the shopper's link.
func (d *drop) counts(id string) core.Share {
	d.t.Helper()
	view, _, err := d.Share(d.t.Context(), "phone", aShopper(id))
	must(d.t, err)
	view.MadeAt = 0
	return view.Share
}

func TestAShopperHasOneLinkPerCampaign(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		nodes := []*core.Engine{d.Engine, d.node(nil, nil)}
		var mu sync.Mutex
		codes, made := map[string]bool{}, 0
		var rush sync.WaitGroup
		for i := range 40 {
			rush.Go(func() {
				view, created, err := nodes[i%2].Share(context.Background(), "phone", aShopper("ann"))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if codes[view.Code] = true; created {
					made++
				}
			})
		}
		rush.Wait()
		if len(codes) != 1 || made != 1 || core.CampaignOf(d.link("ann")) != "phone" {
			t.Errorf("%d links, %d made", len(codes), made)
		}
		if d.link("bob") == d.link("ann") {
			t.Error("two shoppers have one link")
		}
		_, _, err := d.Share(t.Context(), "nope", aShopper("ann"))
		wantCode(t, err, core.CodeNotFound)
		d.audit()
	})
}

func TestOnlyOthersCountAndEachOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		nodes := []*core.Engine{d.Engine, d.node(nil, nil)}
		code := d.link("ann")
		var mu sync.Mutex
		counted := 0
		var rush sync.WaitGroup
		for i := range 150 {
			rush.Go(func() {
				ok, err := nodes[i%2].Visit(context.Background(), code, aShopper(fmt.Sprintf("v%d", i%50)))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if ok {
					counted++
				}
			})
		}
		rush.Wait()
		if counted != 50 || d.counts("ann") != (core.Share{Visitors: 50}) {
			t.Errorf("counted %d, %+v", counted, d.counts("ann"))
		}
		_, err := d.Visit(t.Context(), code, aShopper("ann"))
		wantCode(t, err, core.CodeOwnLink)
		for _, none := range []string{"phone." + strings.Repeat("0", 26), "nope." + strings.Repeat("0", 26), "", "phone", "../x", code + "0"} {
			_, err := d.Visit(t.Context(), none, aShopper("bob"))
			wantCode(t, err, core.CodeNotFound)
		}
		if d.counts("ann") != (core.Share{Visitors: 50}) {
			t.Errorf("afterwards %+v", d.counts("ann"))
		}
		d.audit()
	})
}

func TestAVisitorCountsForAHundredLinks(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		counted := 0
		for i := range 103 {
			ok, err := d.Visit(t.Context(), d.link(fmt.Sprintf("s%d", i)), aShopper("ann"))
			must(t, err)
			if ok {
				counted++
			}
		}
		if counted != 100 {
			t.Errorf("%d counted", counted)
		}
		d.audit()
	})
}

func TestTheHookIsAskedWithTheRunningCounts(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		third := func(f *core.Facts) []core.Effect {
			if f.Shares.Reposts != 3 || f.Shares.Counted != "repost" {
				return nil
			}
			return []core.Effect{{Kind: core.EffectTag, Name: "fan-of", Value: f.Shopper.ID}}
		}
		d := newSharing(t, s, nil, third)
		code := d.link("ann")
		for i := range 2 {
			_, err := d.Visit(t.Context(), code, aShopper(fmt.Sprintf("v%d", i)))
			must(t, err)
		}
		var events []core.SocialEvent
		for i := range 5 {
			events = append(events, repost(fmt.Sprintf("e%d", i), fmt.Sprintf("u%d", i), code))
		}
		_, err := d.Social(t.Context(), "weibo", events)
		must(t, err)
		want := []core.SharesFacts{
			{Visitors: 1, Counted: "visitor"}, {Visitors: 2, Counted: "visitor"},
			{Visitors: 2, Reposts: 1, Counted: "repost"}, {Visitors: 2, Reposts: 2, Counted: "repost"},
			{Visitors: 2, Reposts: 3, Counted: "repost"}, {Visitors: 2, Reposts: 4, Counted: "repost"},
			{Visitors: 2, Reposts: 5, Counted: "repost"},
		}
		if !slices.Equal(*d.asked, want) {
			t.Errorf("asked with %+v", *d.asked)
		}
		tags := core.DocumentKey{Kind: core.DocumentTags, ID: "ann"}
		state, err := s.Load(t.Context(), core.Query{Campaign: "phone", Brand: "xiaomi", Documents: []core.DocumentKey{tags}})
		must(t, err)
		if found := state.Documents[tags]; found == nil || !strings.Contains(string(found.Content), `"fan-of":"ann"`) {
			t.Errorf("the tags are %+v", found)
		}
	})
}

// TestEveryCountIsDecidedOnce enters the running number of reposts: the entry's weight is the sum of 1 to n only if every
// number was carried out once, however often the mechanic was asked while two nodes were in each other's way and the
// campaign changed.
func TestEveryCountIsDecidedOnce(t *testing.T) {
	const events, parts = 240, 12
	eachStore(t, func(t *testing.T, s store) {
		enter := func(f *core.Facts) []core.Effect {
			return []core.Effect{{Kind: core.EffectEnter, Name: "prizes", Units: f.Shares.Reposts}}
		}
		d := newSharing(t, s, withDraw, enter)
		nodes := []*core.Engine{d.Engine, d.nodeWith(d.compiler)}
		code := d.link("ann")
		var rush sync.WaitGroup
		for part := range parts {
			rush.Go(func() {
				var list []core.SocialEvent
				for i := range events / parts {
					list = append(list, repost(fmt.Sprintf("e%d-%d", part, i), fmt.Sprintf("u%d-%d", part, i), code))
				}
				answers, err := nodes[part%2].Social(context.Background(), "weibo", list)
				if err != nil {
					t.Error(err)
				}
				for _, a := range answers {
					if a.Result != "counted" || a.Entries == 0 {
						t.Errorf("%+v", a)
					}
				}
			})
		}
		d.def = d.with(func(c *core.Campaign) { c.Title.EN = "renamed, and so fenced" })
		_, err := d.apply(d.def)
		must(t, err)
		rush.Wait()
		if d.counts("ann").Reposts != events || d.weight("ann") != events*(events+1)/2 {
			t.Errorf("%+v, weight %d", d.counts("ann"), d.weight("ann"))
		}
		d.audit()
	})
}

// withDraw gives the campaign a draw that closes with the sale.
func withDraw(c *core.Campaign) {
	c.Draws = map[string]core.DrawTerms{"prizes": {Title: core.Text{EN: "Prizes"}, Closes: opening.Add(time.Hour), Winners: 3}}
}

// weight returns the weight of the shopper's entry.
func (d *drop) weight(id string) int64 {
	d.t.Helper()
	view, err := d.DrawEntry(d.t.Context(), "phone", "prizes", aShopper(id))
	must(d.t, err)
	return view.Weight
}

// reserveThrough signs the shopper up through a link.
func (d *drop) reserveThrough(e *core.Engine, id, code string) error {
	d.t.Helper()
	_, _, err := e.Reserve(context.Background(), "phone", aShopper(id), code)
	return err
}

func TestAReservationThroughALinkCountsForItsOwnerOnce(t *testing.T) {
	const shoppers = 60
	eachStore(t, func(t *testing.T, s store) {
		d := newSharing(t, s, nil, func(f *core.Facts) []core.Effect {
			return []core.Effect{{Kind: core.EffectTag, Name: "signed", Value: fmt.Sprint(f.Shares.Reservations)}}
		})
		d.clock.advance(-30 * time.Minute)
		nodes := []*core.Engine{d.Engine, d.nodeWith(d.compiler)}
		code := d.link("ann")
		must(t, d.reserveThrough(d.Engine, "ann", code)) // one's own link: signed up, and nothing counted
		var rush sync.WaitGroup
		for i := range shoppers {
			for try := range 2 {
				rush.Go(func() {
					if err := d.reserveThrough(nodes[try], fmt.Sprintf("s%d", i), code); err != nil {
						t.Error(err)
					}
				})
			}
		}
		rush.Wait()
		d.clock.advance(5 * time.Second) // both nodes look at what either has begun to count
		for _, node := range nodes {
			rush.Go(func() { d.work(node) })
		}
		rush.Wait()
		wantCode(t, d.reserveThrough(d.Engine, "late", "phone."+strings.Repeat("0", 26)), core.CodeNotFound)
		wantCode(t, d.reserveThrough(d.Engine, "late", "nope."+strings.Repeat("0", 26)), core.CodeNotFound)
		must(t, d.reserveThrough(d.Engine, "s1", "nonsense")) // who has reserved is told so, whatever the link
		d.work(d.Engine)
		if d.counts("ann") != (core.Share{Reservations: shoppers}) || len(d.documents(core.DocumentTask)) != 0 {
			t.Errorf("%+v, %d tasks left", d.counts("ann"), len(d.documents(core.DocumentTask)))
		}
		d.audit()
	})
}

func TestAnEntryIntoADrawThatIsNotThereCostsNoCount(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newSharing(t, s, nil, func(f *core.Facts) []core.Effect {
			if f.Shares.Reposts == 2 {
				return []core.Effect{{Kind: core.EffectEnter, Name: "no-such-draw", Units: 1}}
			}
			return nil
		})
		code := d.link("ann")
		answers := d.send([]core.SocialEvent{repost("1", "u1", code), repost("2", "u2", code), repost("3", "u3", d.link("bob"))})
		if got := results(answers); !slices.Equal(got, []string{"counted", "counted", "counted"}) || answers[1].Code != core.CodeDrawClosed {
			t.Errorf("%+v", answers)
		}
		if d.counts("ann").Reposts != 2 {
			t.Errorf("%+v", d.counts("ann"))
		}
		d.audit()
	})
}
