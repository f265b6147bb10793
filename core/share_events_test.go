package core_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"hotdrop/core"
)

// repost returns the event that an account reposts a link.
func repost(id, by, code string) core.SocialEvent {
	return core.SocialEvent{ID: id, Kind: core.SocialRepost, Share: code, By: by, At: 1}
}

func results(answers []core.SocialResult) []string {
	var list []string
	for _, a := range answers {
		list = append(list, a.Result)
	}
	return list
}

func TestSocialEventsCountOncePerEventAndPerAccountAndLink(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		ann, bob := d.link("ann"), d.link("bob")
		none := "phone." + strings.Repeat("0", 26)
		events := []core.SocialEvent{
			repost("1", "u1", ann), repost("2", "u2", ann), repost("1", "u1", ann), repost("1", "u3", ann), repost("3", "u1", ann),
			repost("4", "u1", bob), repost("5", "u1", none), repost("6", "u1", "gone."+strings.Repeat("0", 26)),
			repost("u1", "1", ann),
		}
		want := []string{"counted", "counted", "repeated", "repeated", "repeated", "counted", "unknown", "unknown", "counted"}
		answers, err := d.Social(t.Context(), "weibo", events)
		must(t, err)
		if got := results(answers); !slices.Equal(got, want) || answers[3].ID != "1" {
			t.Errorf("%q, want %q", got, want)
		}
		again, err := d.Social(t.Context(), "weibo", events)
		must(t, err)
		for _, a := range again {
			if a.Result != "repeated" && a.Result != "unknown" {
				t.Errorf("sent again, %s is %s", a.ID, a.Result)
			}
		}
		other, err := d.Social(t.Context(), "wechat", events[:1])
		must(t, err)
		if other[0].Result != "counted" {
			t.Errorf("another source's event is %s", other[0].Result)
		}
		if d.counts("ann") != (core.Share{Reposts: 4}) || d.counts("bob") != (core.Share{Reposts: 1}) {
			t.Errorf("ann %+v, bob %+v", d.counts("ann"), d.counts("bob"))
		}
		d.audit()
	})
}

func TestEventsOfTheWrongShapeAreRefusedOneByOne(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		code := d.link("ann")
		events := []core.SocialEvent{
			repost("", "u", code), repost("1", "", code), repost("1\x00", "u", code), repost(strings.Repeat("1", 129), "u", code),
			repost("1", "\xff", code), {ID: "1", Kind: "like", Share: code, By: "u"}, repost("1", "u", code),
		}
		answers, err := d.Social(t.Context(), "weibo", events)
		must(t, err)
		for i, a := range answers[:len(answers)-1] {
			if a.Result != "refused" || a.Code != core.CodeInvalid {
				t.Errorf("event %d is %s, %s", i, a.Result, a.Code)
			}
		}
		if answers[len(answers)-1].Result != "counted" || d.counts("ann").Reposts != 1 {
			t.Errorf("the last is %+v", answers[len(answers)-1])
		}
		for _, none := range []string{"", "phone", code + " ", strings.ToUpper(code), "phone.\x00", "\xff"} {
			if a := d.send([]core.SocialEvent{repost("2", "u2", none)})[0]; a.Result != "unknown" || a.Code != "" || a.ID != "2" {
				t.Errorf("a repost of %q is %+v", none, a)
			}
		}
		_, err = d.Social(t.Context(), "weibo", make([]core.SocialEvent, 1001))
		wantCode(t, err, core.CodeInvalid)
		_, err = d.Social(t.Context(), "wei/bo", nil)
		wantCode(t, err, core.CodeInvalid)
	})
}

// TestTwoNodesCountTheSameEventsAtOnce sends the same events, in other orders and batches, to both.
func TestTwoNodesCountTheSameEventsAtOnce(t *testing.T) {
	const events = 300
	eachStore(t, func(t *testing.T, s store) {
		tag := func(f *core.Facts) []core.Effect {
			return []core.Effect{{Kind: core.EffectTag, Name: "reposts", Value: fmt.Sprint(f.Shares.Reposts)}}
		}
		d := newSharing(t, s, nil, tag)
		nodes := []*core.Engine{d.Engine, d.nodeWith(d.compiler)}
		code := d.link("ann")
		var all []core.SocialEvent
		for i := range events {
			all = append(all, repost(fmt.Sprintf("e%d", i), fmt.Sprintf("u%d", i), code))
		}
		backwards := slices.Clone(all)
		slices.Reverse(backwards)
		var mu sync.Mutex
		counted := 0
		var rush sync.WaitGroup
		for n, list := range [][]core.SocialEvent{all, backwards} {
			for part := range slices.Chunk(list, 100) {
				rush.Go(func() {
					answers, err := nodes[n].Social(context.Background(), "weibo", part)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					for _, a := range answers {
						if a.Result == "counted" {
							counted++
						}
					}
				})
			}
		}
		rush.Wait()
		if counted != events || d.counts("ann").Reposts != events {
			t.Errorf("counted %d, %+v", counted, d.counts("ann"))
		}
		d.audit()
	})
}

func TestASourceHearsThatTheStoreIsAwayAndMaySendAgain(t *testing.T) {
	d := newDrop(t, sqliteStore(t), nil, nil)
	code := d.link("ann")
	away := core.NewEngine(core.Options{Store: gone{d.store}, Campaigns: d.store, Ledger: d.store, Now: d.clock.now})
	must(t, away.Start(t.Context()))
	t.Cleanup(away.Stop)
	events := []core.SocialEvent{repost("1", "u1", code)}
	_, err := away.Social(t.Context(), "weibo", events)
	wantCode(t, err, core.CodeUnavailable)
	_, err = away.Visit(t.Context(), code, aShopper("bob"))
	wantCode(t, err, core.CodeUnavailable)
	answers, err := d.Social(t.Context(), "weibo", events)
	must(t, err)
	if answers[0].Result != "counted" {
		t.Errorf("sent again it is %s", answers[0].Result)
	}
}

// gone is a store that reads and does not write.
type gone struct{ core.Store }

func (gone) Apply(context.Context, *core.Plan) (*core.Applied, error) {
	return nil, core.ErrUnavailable
}

func (gone) ApplyLocked(context.Context, core.Query, func(*core.State) (*core.Plan, error)) (*core.Applied, error) {
	return nil, core.ErrUnavailable
}
