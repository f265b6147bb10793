package core

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hotdrop/core/drawing"
)

const (
	// arrivalPage is how many arrivals are read at once.
	arrivalPage = 10_000
	// maxArrivals is how many may join one campaign's waiting room: a node holds them all, at most 150 MB.
	maxArrivals = 1 << 21
	// roomFresh is how old what a node knows of the room may be before somebody who asks has it read again.
	roomFresh = time.Second
)

// waiting is what a node knows of a campaign's waiting room. It reads each arrival once; what was read stays true. Shoppers
// are known by the ids of package drawing, which nobody can make collide.
type waiting struct {
	campaign *campaign
	reads    batcher[*roomRead]
	room     atomic.Pointer[storedRoom] // nil until it was read
	asked    atomic.Int64               // when somebody last had it read, Unix milliseconds

	// Only refresh writes these, one at a time.
	ids     []drawing.ID // of the arrivals in the order of their numbers, until they are ranked
	arrived []int64      // when each came, Unix milliseconds

	mu       sync.RWMutex
	joined   map[drawing.ID]int64 // the last number of whoever is not among the ranked
	ranked   []drawing.ID         // those who came early, in the order of their places
	isRanked bool                 // they have theirs
	schedule schedule             // of all places; empty until they are ranked
	shuffle  *drawing.Shuffle     // nil until somebody has asked for it
}

// roomRead is what one who waits for a read learns of it.
type roomRead struct{ err error }

func newWaiting(c *campaign) *waiting {
	w := &waiting{campaign: c, joined: map[drawing.ID]int64{}}
	w.reads = batcher[*roomRead]{run: w.read, lanes: 1, most: maxWaiting, bound: maxWaiting}
	return w
}

// attend waits until what is in the store now is known here.
func (w *waiting) attend(ctx context.Context) error {
	r := &roomRead{}
	done, ok := w.reads.add(r)
	if !ok {
		return overloaded()
	}
	select {
	case <-done:
		return r.err
	case <-ctx.Done():
		return storeError(ctx.Err())
	}
}

// glance has the room read again in time, so that nobody who asks has to wait for that.
func (w *waiting) glance(now time.Time) {
	last := w.asked.Load()
	if now.UnixMilli()-last >= roomFresh.Milliseconds() && w.asked.CompareAndSwap(last, now.UnixMilli()) {
		w.reads.add(&roomRead{})
	}
}

func (w *waiting) read(waiters []*roomRead) {
	err := w.refresh(context.Background())
	for _, r := range waiters {
		r.err = err
	}
}

// refresh reads the room, opens it if it is time, and reads the arrivals that are new here.
func (w *waiting) refresh(ctx context.Context) error {
	c := w.campaign
	room, err := c.storedRoom()
	if err != nil {
		return err
	}
	if room, err = c.advance(ctx, room); err != nil {
		return storeError(err)
	}
	before := w.room.Swap(room)
	if err := w.readArrivals(ctx, room); err != nil {
		return storeError(err)
	}
	switch {
	case !room.isOpen():
	case !w.isRanked && int64(len(w.arrived)) >= room.Early:
		w.rank(room)
	case w.isRanked && len(before.Rates) != len(room.Rates):
		w.reschedule(room)
	}
	return nil
}

// advance opens the room if it is time, and lets it follow the campaign file's rate.
func (c *campaign) advance(ctx context.Context, room *storedRoom) (*storedRoom, error) {
	snap := c.snapshot.Load()
	def := snap.definition()
	switch terms := def.WaitingRoom; {
	case !terms.isOn():
		return room, nil
	case !room.isOpen() && room.opening(def) <= c.engine.now().UnixMilli():
		return c.openRoom(ctx, room)
	case room.isOpen() && room.rate() != terms.PerMinute:
		return c.changeRate(room, snap)
	}
	return room, nil
}

// readArrivals reads the arrivals after the last one that is known.
func (w *waiting) readArrivals(ctx context.Context, room *storedRoom) error {
	c, identify := w.campaign, drawing.ArrivalNamer(room.seed, w.campaign.id)
	for more := true; more; {
		page, err := c.engine.store.ListArrivals(ctx, c.snapshot.Load().definition().Key(), int64(len(w.arrived)), arrivalPage)
		if err != nil {
			return err
		}
		ids := make([]drawing.ID, len(page))
		for i, arrival := range page {
			ids[i] = arrival.id(identify)
		}
		w.take(page, ids)
		more = len(page) == arrivalPage
	}
	return nil
}

// erasedArrival begins what an arrival has for the id of a shopper whose data was erased; the id of package drawing follows, by
// which the arrival keeps its place. No shopper's id has a space.
const erasedArrival = " erased/"

// id is what the arrival is known by.
func (a *Arrival) id(identify func(shopper string) drawing.ID) (id drawing.ID) {
	if text, erased := strings.CutPrefix(a.Shopper, erasedArrival); erased && id.UnmarshalText([]byte(text)) == nil {
		return id
	}
	return identify(a.Shopper)
}

// take takes in a page of arrivals.
func (w *waiting) take(page []*Arrival, ids []drawing.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, arrival := range page {
		w.joined[ids[i]] = arrival.Number
		w.arrived = append(w.arrived, arrival.At)
		if w.isRanked {
			w.schedule.add(arrival.At)
		}
	}
	if !w.isRanked {
		w.ids = append(w.ids, ids...)
	}
}

// rank gives those who came early their places.
func (w *waiting) rank(room *storedRoom) {
	ranked := slices.Clone(w.ids[:room.Early])
	drawing.Rank(ranked)
	late := map[drawing.ID]int64{}
	for i, id := range w.ids[room.Early:] {
		late[id] = room.Early + int64(i) + 1
	}
	schedule := w.scheduled(room)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ranked, w.joined, w.schedule, w.ids, w.isRanked = ranked, late, schedule, nil, true
}

// scheduled is when each place is let in.
func (w *waiting) scheduled(room *storedRoom) schedule {
	s := newSchedule(room.Rates, len(w.arrived))
	for i, at := range w.arrived {
		if int64(i) < room.Early {
			at = room.OpenedAt
		}
		s.add(at)
	}
	return s
}

// reschedule gives the places their moments after the rate has changed: those up to the change keep theirs.
func (w *waiting) reschedule(room *storedRoom) {
	schedule := w.scheduled(room)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.schedule = schedule
}

// standing is where a shopper stands in the room.
type standing struct {
	place    int64 // from 1; 0 until those who came early are shuffled
	at       int64 // when the place is let in, Unix milliseconds, rounded up; 0 until that is known
	admitted int64 // how many places have been let in
}

// find returns where the shopper stands; ok is false if this node knows of no arrival.
func (w *waiting) find(id drawing.ID, now time.Time) (s standing, ok bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	number, ok := w.joined[id]
	if !w.isRanked {
		return s, ok
	}
	if !ok {
		number = drawing.PlaceOf(w.ranked, id)
	}
	if number == 0 {
		return s, false
	}
	at := time.Unix(0, w.schedule.at[number-1]+int64(time.Millisecond)-1).UnixMilli()
	return standing{place: number, at: at, admitted: w.schedule.admitted(now)}, true
}

// counts returns how many came, as far as this node knows, and how many of them were let in.
func (w *waiting) counts(now time.Time) (came, admitted int64) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return int64(len(w.arrived)), w.schedule.admitted(now)
}
