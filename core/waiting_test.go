package core_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
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
