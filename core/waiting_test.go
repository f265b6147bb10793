package core_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/drawing"
	"hotdrop/core/sqlite"
)

// withRoom lets sixty shoppers a minute into a sale that opens in ten minutes.
func withRoom(c *core.Campaign) {
	c.WaitingRoom = core.WaitingRoom{PerMinute: 60, Ticket: core.Duration(2 * time.Minute), Opens: opening}
	c.Phases = core.Phases{Sale: opening.Add(10 * time.Minute), Closed: opening.Add(2 * time.Hour)}
}

// newRoom starts a campaign whose waiting room takes the first shoppers now.
func newRoom(t *testing.T, s store, change func(*core.Campaign)) *drop {
	t.Helper()
	return newDrop(t, s, nil, func(c *core.Campaign) {
		withRoom(c)
		if change != nil {
			change(c)
		}
	})
}

func person(id string) core.Principal { return core.Principal{ID: id, Role: core.RoleShopper} }

// join lets the shopper join at the node.
func (d *drop) join(e *core.Engine, shopper string) *core.QueuePlace {
	d.t.Helper()
	place, created, err := e.Join(d.t.Context(), "phone", person(shopper))
	must(d.t, err)
	if !created {
		d.t.Errorf("%s had joined before: %+v", shopper, place)
	}
	return place
}

// standing asks the node where the shopper stands.
func (d *drop) standing(e *core.Engine, shopper string) *core.QueuePlace {
	d.t.Helper()
	place, err := e.QueuePlace(d.t.Context(), "phone", person(shopper))
	must(d.t, err)
	return place
}

// toOpening moves the clock to the opening.
func (d *drop) toOpening() { d.clock.advance(d.def.Phases.Sale.Sub(d.clock.now())) }

// toAdmission moves the clock to when the shopper is let in, and returns the token.
func (d *drop) toAdmission(shopper string) string {
	d.t.Helper()
	at := time.UnixMilli(d.standing(d.Engine, shopper).AdmittedAt)
	if at.After(d.clock.now()) {
		d.clock.advance(at.Sub(d.clock.now()))
	}
	place := d.standing(d.Engine, shopper)
	if place.State != core.QueueAdmitted || place.Token == "" {
		d.t.Fatalf("%s is not let in: %+v", shopper, place)
	}
	return place.Token
}

// buyWith orders with a token.
func (d *drop) buyWith(e *core.Engine, shopper, key, token string) (*core.Order, bool, error) {
	r := buy(shopper, key)
	r.QueueToken = token
	return e.Place(context.Background(), r)
}

func TestWhoCameBeforeTheOpeningIsShuffledBySeedAndIdAlone(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRoom(t, s, nil)
		room, err := d.WaitingRoom(t.Context(), "phone")
		must(t, err)
		if room.SeedHash == "" || room.Seed != "" {
			t.Fatalf("before the opening: %+v", room)
		}
		var shoppers []string
		for i := range 40 {
			shoppers = append(shoppers, fmt.Sprintf("s%02d", i))
			if place := d.join(d.Engine, shoppers[i]); place.State != core.QueueWaiting || place.Place != 0 || place.PollAfter <= 0 {
				t.Fatalf("%+v", place)
			}
			d.clock.advance(time.Second)
		}
		_, err = d.Shuffle(t.Context(), "phone")
		wantCode(t, err, core.CodeWrongState)
		d.toOpening()
		open, err := d.WaitingRoom(t.Context(), "phone")
		must(t, err)
		seed, err := hex.DecodeString(open.Seed)
		must(t, err)
		if drawing.HashSeed(seed) != room.SeedHash || open.Early != 40 || open.OpensAt != d.def.Phases.Sale.UnixMilli() {
			t.Errorf("after the opening: %+v, its hash was %s", open, room.SeedHash)
		}
		ids := map[string]drawing.ID{}
		identify := drawing.ArrivalNamer(seed, "phone")
		for _, shopper := range shoppers {
			ids[shopper] = identify(shopper)
		}
		slices.SortFunc(shoppers, func(a, b string) int { x, y := ids[a], ids[b]; return slices.Compare(x[:], y[:]) })
		for i, shopper := range shoppers {
			place := d.standing(d.Engine, shopper)
			want := d.def.Phases.Sale.Add(time.Duration(i) * time.Second).UnixMilli() // sixty a minute
			if place.Place != int64(i)+1 || place.AdmittedAt != want || place.Ahead != max(0, int64(i)-1) {
				t.Errorf("%s: %+v, want place %d at %d", shopper, place, i+1, want)
			}
		}
		shuffle, err := d.Shuffle(t.Context(), "phone")
		must(t, err)
		if found := shuffle.Verify(); len(found) > 0 || len(shuffle.Arrivals) != 40 {
			t.Errorf("the shuffle of %d: %v", len(shuffle.Arrivals), found)
		}
		if _, place := shuffle.Find(shoppers[7]); place != 8 {
			t.Errorf("%s has place %d in the export", shoppers[7], place)
		}
		d.audit()
	})
}

func TestWhoComesAfterTheOpeningIsBehindThoseBeforeInTheOrderOfArrival(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRoom(t, s, nil)
		for i := range 5 {
			d.join(d.Engine, fmt.Sprintf("early%d", i))
		}
		d.toOpening()
		for i := range 3 {
			place := d.join(d.Engine, fmt.Sprintf("late%d", i))
			if place.Place != int64(6+i) || place.State != core.QueueWaiting {
				t.Errorf("late%d: %+v", i, place)
			}
		}
		// Half an hour later the room is empty: who comes is let in at once, and who comes with them at the rate, however much
		// of it was not used.
		d.clock.advance(30 * time.Minute)
		now := d.clock.now()
		for i := range 4 {
			place := d.join(d.Engine, fmt.Sprintf("idle%d", i))
			want := now.Add(time.Duration(i) * time.Second).UnixMilli()
			if place.AdmittedAt != want || (place.State == core.QueueAdmitted) != (i == 0) {
				t.Errorf("idle%d: %+v, want %d", i, place, want)
			}
		}
		d.audit()
	})
}

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

func TestATokenLetsInOneOrderOfItsShopperInTime(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRoom(t, s, func(c *core.Campaign) { c.Items[0].Limit = 5 })
		other := *d.def
		other.ID, other.Items = "tablet", slices.Clone(d.def.Items)
		_, err := d.apply(&other)
		must(t, err)
		for _, shopper := range []string{"ann", "bob"} {
			d.join(d.Engine, shopper)
		}
		_, _, err = d.Join(t.Context(), "tablet", person("ann"))
		must(t, err)
		_, _, err = d.buyWith(d.Engine, "ann", "early", "")
		wantCode(t, err, core.CodeNotInPhase)
		d.toOpening()
		token, bobs := d.toAdmission("ann"), d.toAdmission("bob")
		elsewhere, err := d.QueuePlace(t.Context(), "tablet", person("ann"))
		must(t, err)

		refused := func(why, shopper, token string, want core.Code) {
			t.Helper()
			_, _, err := d.buyWith(d.Engine, shopper, "k-"+why, token)
			if core.CodeOf(err) != want {
				t.Errorf("%s: %v, want %s", why, err, want)
			}
		}
		refused("none", "ann", "", core.CodeQueueTokenRequired)
		refused("bob's", "ann", bobs, core.CodeQueueTokenInvalid)
		refused("anotherCampaigns", "ann", elsewhere.Token, core.CodeQueueTokenInvalid)
		for i := range len(token) {
			forged := []byte(token)
			forged[i] ^= 1
			refused(fmt.Sprintf("forged%d", i), "ann", string(forged), core.CodeQueueTokenInvalid)
		}
		part := strings.Split(token, ".")
		refused("longer", "ann", part[0]+"."+part[1]+".9999999999999."+part[3], core.CodeQueueTokenInvalid)
		refused("without a signature", "ann", part[0]+"."+part[1]+"."+part[2]+".", core.CodeQueueTokenInvalid)

		// A refused order does not use the token up.
		wrong := buy("ann", "wrong")
		price := int64(1)
		wrong.QueueToken, wrong.ExpectTotal = token, &price
		_, _, err = d.Place(t.Context(), wrong)
		wantCode(t, err, core.CodePriceChanged)
		order, _, err := d.buyWith(d.Engine, "ann", "k", token)
		must(t, err)
		refused("again", "ann", token, core.CodeQueueTokenInvalid)
		if place := d.standing(d.Engine, "ann"); place.State != core.QueueUsed || place.Token != "" {
			t.Errorf("after the order: %+v", place)
		}
		// Nor does cancelling give it back: whoever cancels does not stand before those who wait.
		_, err = d.Cancel(t.Context(), core.OrderAction{Order: order.ID, Shopper: "ann", Key: "c"})
		must(t, err)
		refused("after cancelling", "ann", token, core.CodeQueueTokenInvalid)

		d.clock.advance(2 * time.Minute)
		refused("expired", "bob", bobs, core.CodeQueueTokenInvalid)
		if place := d.standing(d.Engine, "bob"); place.State != core.QueueExpired || place.Token != "" {
			t.Errorf("after the ticket: %+v", place)
		}
		again, replayed, err := d.buyWith(d.Engine, "ann", "k", token)
		must(t, err)
		if !replayed || again.ID != order.ID {
			t.Errorf("a retry after the token has expired: %+v, %v", again, replayed)
		}
		d.audit()
	})
}

func TestWhoHasUsedATokenOrLetItExpireJoinsAgainAtTheEnd(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRoom(t, s, func(c *core.Campaign) { c.Items[0].Limit = 5 })
		d.join(d.Engine, "ann")
		d.join(d.Engine, "bob")
		d.toOpening()
		used := d.toAdmission("ann")
		_, _, err := d.buyWith(d.Engine, "ann", "k1", used)
		must(t, err)
		_, again, err := d.Join(t.Context(), "phone", person("bob"))
		must(t, err)
		if again {
			t.Error("bob, who waits, has joined twice")
		}
		if place := d.join(d.Engine, "ann"); place.Place != 3 {
			t.Errorf("ann's second place is %+v", place)
		}
		d.clock.advance(5 * time.Minute)
		if place := d.join(d.Engine, "bob"); place.Place != 4 {
			t.Errorf("bob's second place is %+v", place)
		}
		token := d.toAdmission("bob")
		if _, _, err = d.buyWith(d.node(mechanics{}, nil), "bob", "k2", token); err != nil {
			t.Error(err)
		}
		shuffle, err := d.Shuffle(t.Context(), "phone")
		must(t, err)
		fresh, err := d.node(mechanics{}, nil).Shuffle(t.Context(), "phone")
		must(t, err)
		if len(fresh.Arrivals) != 2 || fresh.Digest != shuffle.Digest {
			t.Errorf("who came early is another set once they came again: %+v and %+v", shuffle, fresh)
		}
		d.audit()
	})
}

func TestTwoOrdersRaceWithOneTokenAtTwoNodes(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRoom(t, s, func(c *core.Campaign) { c.Items[0].Limit = 0 })
		for i := range 6 {
			d.join(d.Engine, fmt.Sprintf("s%d", i))
		}
		d.toOpening()
		nodes := []*core.Engine{d.Engine, d.node(mechanics{}, nil)}
		for i := range 6 {
			shopper := fmt.Sprintf("s%d", i)
			token := d.toAdmission(shopper)
			errs := make([]error, 8)
			var all sync.WaitGroup
			for k := range errs {
				all.Go(func() { _, _, errs[k] = d.buyWith(nodes[k%2], shopper, fmt.Sprintf("k%d", k), token) })
			}
			all.Wait()
			placed := 0
			for _, err := range errs {
				if err == nil {
					placed++
				} else {
					wantCode(t, err, core.CodeQueueTokenInvalid)
				}
			}
			if placed != 1 {
				t.Errorf("%s placed %d orders with one token: %v", shopper, placed, errs)
			}
		}
		if d.left() != 4 {
			t.Errorf("left = %d", d.left())
		}
		d.audit()
	})
}

func TestARoomIsTurnedOnAndOffInMidSale(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, func(c *core.Campaign) { c.Items[0].Limit = 5 })
		d.clock.advance(time.Minute)
		d.place("ann")
		if place := d.standing(d.Engine, "ann"); place.State != core.QueueOpen {
			t.Errorf("without a waiting room: %+v", place)
		}
		_, err := d.apply(d.with(func(c *core.Campaign) { c.WaitingRoom = core.WaitingRoom{PerMinute: 60} }))
		must(t, err)
		_, _, err = d.buyWith(d.Engine, "ann", "k2", "")
		wantCode(t, err, core.CodeQueueTokenRequired)
		_, _, err = d.buyWith(d.Engine, "ann", "k2", "q1.1.2.x")
		wantCode(t, err, core.CodeQueueTokenInvalid)
		if place := d.join(d.Engine, "ann"); place.Place != 1 || place.State != core.QueueAdmitted {
			t.Errorf("the first one: %+v", place)
		}
		if place := d.join(d.Engine, "bob"); place.Place != 2 || place.State != core.QueueWaiting {
			t.Errorf("the second one: %+v", place)
		}
		_, _, err = d.buyWith(d.Engine, "ann", "k2", d.toAdmission("ann"))
		must(t, err)
		room, err := d.WaitingRoom(t.Context(), "phone")
		must(t, err)
		_, err = d.apply(d.def)
		must(t, err)
		_, _, err = d.buyWith(d.Engine, "bob", "k3", "")
		must(t, err)
		_, err = d.apply(d.with(func(c *core.Campaign) { c.WaitingRoom = core.WaitingRoom{PerMinute: 60} }))
		must(t, err)
		again, err := d.WaitingRoom(t.Context(), "phone")
		must(t, err)
		if again.SeedHash != room.SeedHash || again.OpensAt != room.OpensAt {
			t.Errorf("turned on again it is another room: %+v, was %+v", again, room)
		}
		_, _, err = d.buyWith(d.Engine, "cid", "k4", "")
		wantCode(t, err, core.CodeQueueTokenRequired)
		d.audit()
	})
}

func TestAnotherRateHoldsForThoseWhoStillWait(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRoom(t, s, nil)
		for i := range 30 {
			d.join(d.Engine, fmt.Sprintf("s%d", i))
		}
		other := d.node(mechanics{}, nil)
		d.toOpening()
		byPlace := func(e *core.Engine) []int64 {
			at := make([]int64, 30)
			for i := range at {
				place := d.standing(e, fmt.Sprintf("s%d", i))
				at[place.Place-1] = place.AdmittedAt
			}
			return at
		}
		before := byPlace(other)
		_, err := d.apply(d.with(func(c *core.Campaign) { c.WaitingRoom.PerMinute = 600 }))
		must(t, err)
		d.clock.advance(2 * time.Second)
		_, err = other.Shuffle(t.Context(), "phone") // which reads the room, and knows the earlier file only
		must(t, err)
		mine, others := byPlace(d.Engine), byPlace(other)
		if !slices.Equal(mine, others) {
			t.Errorf("nodes differ:\n%v\n%v", mine, others)
		}
		from := d.def.Phases.Sale.Add(5 * time.Second).UnixMilli()
		for i := range mine {
			switch {
			case mine[i] <= from && mine[i] != before[i]:
				t.Errorf("place %d was to be let in at %d, before the change, and is at %d", i+1, before[i], mine[i])
			case i > 0 && mine[i-1] >= from && mine[i] != mine[i-1]+100:
				t.Errorf("place %d is let in %d ms after the one before it", i+1, mine[i]-mine[i-1])
			}
		}
		if last := mine[29] - from; last > 3000 {
			t.Errorf("the last one is let in %d ms after the change", last)
		}
	})
}

func TestWhoCannotBuyCannotJoin(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRoom(t, s, func(c *core.Campaign) {
			c.Phases.Reservation = opening.Add(-time.Hour)
			c.Items[0].NeedsReservation, c.Items[0].Stock = true, 1
			c.WaitingRoom.Opens = opening.Add(time.Minute)
		})
		join := func(shopper string) error {
			_, _, err := d.Join(t.Context(), "phone", person(shopper))
			return err
		}
		_, _, err := d.Reserve(t.Context(), "phone", person("ann"), "")
		must(t, err)
		wantCode(t, join("ann"), core.CodeNotInPhase)
		d.clock.advance(time.Minute)
		wantCode(t, join("bob"), core.CodeReservationRequired)
		must(t, join("ann"))
		_, err = d.QueuePlace(t.Context(), "phone", person("bob"))
		wantCode(t, err, core.CodeNotFound)
		d.toOpening()
		_, _, err = d.buyWith(d.Engine, "ann", "k", d.toAdmission("ann"))
		must(t, err)
		wantCode(t, join("ann"), core.CodeSoldOut)
		d.clock.advance(3 * time.Hour)
		wantCode(t, join("cid"), core.CodeNotInPhase)
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

func TestTenThousandWhoCameEarlyHaveTenThousandPlaces(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		const shoppers, at = 10_000, 500
		d := newRoom(t, s, nil)
		nodes := []*core.Engine{d.Engine, d.node(mechanics{}, nil)}
		var all sync.WaitGroup
		for k := range at {
			all.Go(func() {
				for i := k; i < shoppers; i += at {
					if _, _, err := nodes[i%2].Join(context.Background(), "phone", person(fmt.Sprintf("s%05d", i))); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		d.toOpening()
		taken := make([]bool, shoppers+1)
		var firstCame, firstIn int
		for i := range shoppers {
			place := d.standing(nodes[i%2], fmt.Sprintf("s%05d", i))
			if place.Place < 1 || place.Place > shoppers || taken[place.Place] {
				t.Fatalf("s%05d: %+v", i, place)
			}
			taken[place.Place] = true
			if i < shoppers/2 { // at the opening every other one of these should be in the first half
				firstCame++
				if place.Place <= shoppers/2 {
					firstIn++
				}
			}
		}
		if share := float64(firstIn) / float64(firstCame); share < 0.45 || share > 0.55 { // ten deviations
			t.Errorf("of the first half to come %.3f are in the first half to be let in", share)
		}
		d.audit()
	})
}

func BenchmarkJoin(b *testing.B) {
	s, err := sqlite.Open(b.Context(), b.TempDir())
	must(b, err)
	defer func() { _ = s.Close() }()
	must(b, s.Migrate(b.Context()))
	e := core.NewEngine(core.Options{Store: s, Campaigns: s, Ledger: s, Compiler: mechanics{}, Log: slog.New(slog.DiscardHandler)})
	must(b, e.Start(b.Context()))
	defer e.Stop()
	now := time.Now()
	_, err = e.ApplyCampaign(b.Context(), core.ApplyRequest{
		Actor: core.Principal{ID: "op", Role: core.RoleOperator}, Reason: "test",
		Definition: &core.Campaign{
			ID: "phone", Brand: "xiaomi", Currency: "CNY", Title: core.Text{EN: "Phone"},
			Phases: core.Phases{Sale: now.Add(time.Hour), Closed: now.Add(2 * time.Hour)},
			Items: []core.Item{{
				SKU: "mi2", Title: core.Text{EN: "Mi 2"}, Price: 199_900, Stock: 10, Hold: core.Duration(15 * time.Minute),
			}},
			WaitingRoom: core.WaitingRoom{PerMinute: 10_000, Opens: now.Add(-time.Minute)},
		},
	})
	must(b, err)
	var n atomic.Int64
	b.SetParallelism(500)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := e.Join(context.Background(), "phone", person(fmt.Sprintf("s%d", n.Add(1)))); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "joins/s")
}
