package core_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

func TestNodesAgreeOnEveryPlaceAndMomentWhateverTheirClocksSay(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRoom(t, s, nil)
		behind := core.NewEngine(core.Options{
			Store: s, Campaigns: s, Ledger: s, Now: func() time.Time { return d.clock.now().Add(-700 * time.Millisecond) },
			Log: slog.New(slog.DiscardHandler), Compiler: mechanics{},
		})
		must(t, behind.Start(t.Context()))
		t.Cleanup(behind.Stop)
		nodes := []*core.Engine{d.Engine, behind}
		var shoppers []string
		joinAll := func(prefix string, n int) {
			var all sync.WaitGroup
			for i := range n {
				shopper := fmt.Sprintf("%s%d", prefix, i)
				shoppers = append(shoppers, shopper)
				all.Go(func() {
					if _, _, err := nodes[i%2].Join(context.Background(), "phone", person(shopper)); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
		}
		d.clock.advance(time.Second)
		joinAll("early", 20)
		d.toOpening()
		joinAll("both", 20) // the one behind takes these for early until the other has opened the room
		d.clock.advance(time.Second)
		joinAll("late", 20)
		late := d.node(mechanics{}, nil) // which was not there
		moments := map[int64]int64{}
		for _, shopper := range shoppers {
			place := d.standing(d.Engine, shopper)
			for _, e := range []*core.Engine{behind, late} {
				other := d.standing(e, shopper)
				if other.Place != place.Place || other.AdmittedAt != place.AdmittedAt || other.ExpiresAt != place.ExpiresAt {
					t.Errorf("%s: %+v and %+v", shopper, place, other)
				}
			}
			moments[place.Place] = place.AdmittedAt
		}
		for place := int64(1); place < 60; place++ {
			if moments[place] == 0 || moments[place+1] < moments[place]+1000 {
				t.Errorf("place %d is let in at %d, the next at %d", place, moments[place], moments[place+1])
			}
		}
		d.audit()
	})
}

// dyingStore loses its connection once, before or after the room's opening is committed.
type dyingStore struct {
	store

	after bool
	died  bool
}

var errNodeGone = errors.New("the node died")

func (s *dyingStore) ApplyLocked(ctx context.Context, q core.Query, build func(*core.State) (*core.Plan, error)) (*core.Applied, error) {
	if s.died {
		return s.store.ApplyLocked(ctx, q, build)
	}
	s.died = true
	if s.after {
		if _, err := s.store.ApplyLocked(ctx, q, build); err != nil {
			return nil, err
		}
	}
	return nil, errors.Join(core.ErrUnavailable, errNodeGone)
}

func TestANodeThatDiesWhileItOpensTheRoomLeavesItToAnother(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after the commit %v", after), func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				d := newRoom(t, s, nil)
				dying := &dyingStore{store: s, after: after}
				e := core.NewEngine(core.Options{
					Store: dying, Campaigns: s, Ledger: s, Now: d.clock.now, Log: slog.New(slog.DiscardHandler), Compiler: mechanics{},
				})
				must(t, e.Start(t.Context()))
				t.Cleanup(e.Stop)
				for i := range 10 {
					d.join(d.Engine, fmt.Sprintf("s%d", i))
				}
				d.toOpening()
				_, err := e.QueuePlace(t.Context(), "phone", person("s1"))
				wantCode(t, err, core.CodeUnavailable)
				d.work(d.Engine)
				if place := d.join(d.Engine, "late"); place.Place != 11 {
					t.Errorf("who came late: %+v", place)
				}
				if one, two := d.standing(d.Engine, "s1"), d.standing(e, "s1"); *one != *two || one.Place == 0 {
					t.Errorf("%+v and %+v", one, two)
				}
				d.audit()
			})
		})
	}
}

func TestTheSweepOpensARoomThatNobodyAsksAbout(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRoom(t, s, nil)
		d.join(d.Engine, "ann")
		_, err := d.apply(d.with(func(c *core.Campaign) { c.Phases.Sale = opening.Add(20 * time.Minute) }))
		must(t, err)
		d.clock.advance(10 * time.Minute)
		d.work(d.Engine)
		_, err = d.Shuffle(t.Context(), "phone")
		wantCode(t, err, core.CodeWrongState)
		d.clock.advance(10 * time.Minute)
		d.work(d.Engine)
		shuffle, err := d.Shuffle(t.Context(), "phone")
		must(t, err)
		if want := opening.Add(20 * time.Minute).UnixMilli(); shuffle.OpenedAt != want || len(shuffle.Arrivals) != 1 {
			t.Errorf("%+v, want it opened at %d", shuffle, want)
		}
	})
}
