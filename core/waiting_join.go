package core

import (
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"hotdrop/core/drawing"
)

// QueueState is where a shopper stands in a waiting room.
type QueueState string

// The states of a shopper. Who has used a ticket, or let it expire, may join again.
const (
	QueueWaiting  QueueState = "waiting"
	QueueAdmitted QueueState = "admitted" // may order with the token
	QueueUsed     QueueState = "used"     // has placed an order with it
	QueueExpired  QueueState = "expired"  // has not ordered in time
	QueueOpen     QueueState = "open"     // there is no waiting room: nobody needs a token
)

// QueuePlace is a shopper's own place in a waiting room. Times are Unix milliseconds.
type QueuePlace struct {
	State      QueueState
	Place      int64         // from 1; 0 before those who came early are shuffled
	Ahead      int64         // how many who are before the shopper still wait
	OpensAt    int64         // when the first is let in
	AdmittedAt int64         // when the shopper is let in; 0 before the shuffle
	Token      string        // for the header Queue-Token; "" unless admitted
	ExpiresAt  int64         // of the token; 0 before the shuffle
	PollAfter  time.Duration // when it makes sense to ask again; 0 if nothing will have changed
}

// WaitingRoomView is a waiting room as everybody may see it. Times are Unix milliseconds.
type WaitingRoomView struct {
	JoinAt    int64 // when joining begins
	OpensAt   int64 // when the first is let in
	PerMinute int64
	Ticket    time.Duration
	SeedHash  string // SHA-256 of the seed, hex: from the first moment on
	Seed      string // hex; "" until the room has opened
	Early     int64  // how many were shuffled; 0 until the room has opened
	Waiting   int64  // how many wait to be let in
}

// WaitingRoom returns the campaign's waiting room, nil if it has none.
func (e *Engine) WaitingRoom(ctx context.Context, campaignID string) (*WaitingRoomView, error) {
	c, err := e.campaign(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	def := c.snapshot.Load().definition()
	terms := def.WaitingRoom
	if !terms.isOn() {
		return nil, nil //nolint:nilnil // there is none
	}
	room, err := c.knownRoom(ctx)
	if err != nil {
		return nil, err
	}
	came, admitted := c.waiting.counts(e.now())
	view := &WaitingRoomView{
		JoinAt: def.joining().UnixMilli(), OpensAt: room.opening(def), PerMinute: terms.PerMinute, Ticket: terms.ticket(),
		SeedHash: room.SeedHash, Waiting: came - admitted,
	}
	if room.isOpen() {
		view.Seed, view.Early, view.OpensAt = room.Seed, room.Early, room.OpenedAt
	}
	return view, nil
}

// knownRoom returns the room as this node knows it, which is a second old at most if it is asked for often, and which is
// open if it is time.
func (c *campaign) knownRoom(ctx context.Context) (*storedRoom, error) {
	room, now := c.waiting.room.Load(), c.engine.now()
	if room == nil || !room.isOpen() && room.opening(c.snapshot.Load().definition()) <= now.UnixMilli() {
		if err := c.waiting.attend(ctx); err != nil {
			return nil, err
		}
		return c.waiting.room.Load(), nil
	}
	c.waiting.glance(now)
	return room, nil
}

// Shuffle returns the order of those who joined the waiting room before it opened; until it has, it is refused with
// wrong_state. Callers share what it returns and must not change it.
func (e *Engine) Shuffle(ctx context.Context, campaignID string) (*drawing.Shuffle, error) {
	c, err := e.campaign(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	if err := c.waiting.attend(ctx); err != nil {
		return nil, err
	}
	room := c.waiting.room.Load()
	if !room.isOpen() {
		return nil, Errorf(CodeWrongState, "the waiting room is not open yet: it opens at %s",
			time.UnixMilli(room.opening(c.snapshot.Load().definition())).UTC().Format(time.RFC3339))
	}
	return c.waiting.export(room), nil
}

// export returns the shuffle of a room that is open, which never changes.
func (w *waiting) export(room *storedRoom) *drawing.Shuffle {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shuffle == nil {
		w.shuffle = &drawing.Shuffle{
			Campaign: w.campaign.id, SeedHash: room.SeedHash, Seed: room.Seed, OpenedAt: room.OpenedAt, Arrivals: w.ranked,
		}
		w.shuffle.Digest = w.shuffle.Sum()
	}
	return w.shuffle
}

// QueuePlace returns the shopper's own place in the campaign's waiting room; who has not joined is refused with not_found.
func (e *Engine) QueuePlace(ctx context.Context, campaignID string, shopper Principal) (*QueuePlace, error) {
	c, err := e.shopperCampaign(ctx, campaignID, &shopper)
	if err != nil {
		return nil, err
	}
	return c.queuePlace(ctx, shopper.ID)
}

func (c *campaign) queuePlace(ctx context.Context, shopper string) (*QueuePlace, error) {
	def := c.snapshot.Load().definition()
	if !def.WaitingRoom.isOn() {
		return &QueuePlace{State: QueueOpen}, nil
	}
	room, err := c.knownRoom(ctx)
	if err != nil {
		return nil, err
	}
	now, id := c.engine.now(), drawing.ArrivalNamer(room.seed, c.id)(shopper)
	found, ok := c.waiting.find(id, now)
	if !ok { // joined by another node, or a moment ago, or not at all
		if err := c.waiting.attend(ctx); err != nil {
			return nil, err
		}
		if found, ok = c.waiting.find(id, now); !ok {
			return nil, Errorf(CodeNotFound, "you have not joined the waiting room")
		}
		room = c.waiting.room.Load()
	}
	place := found.in(room, def, id, now)
	if place.State == QueueWaiting {
		return place, nil
	}
	return place, c.checkUsed(ctx, place, shopper)
}

// in is what the shopper is told who stands there.
func (s standing) in(room *storedRoom, def *Campaign, id drawing.ID, now time.Time) *QueuePlace {
	if s.place == 0 {
		opens := room.opening(def)
		return &QueuePlace{State: QueueWaiting, OpensAt: opens, PollAfter: pollAfter(id, opens, now)}
	}
	place := &QueuePlace{
		State: QueueWaiting, Place: s.place, OpensAt: room.OpenedAt, AdmittedAt: s.at,
		Ahead:     max(0, s.place-1-s.admitted),
		ExpiresAt: s.at + def.WaitingRoom.ticket().Milliseconds(),
	}
	switch at := now.UnixMilli(); {
	case at < place.AdmittedAt:
		place.PollAfter = pollAfter(id, place.AdmittedAt, now)
	case at < place.ExpiresAt:
		place.State = QueueAdmitted
	default:
		place.State = QueueExpired
	}
	return place
}

// checkUsed tells whether an order was placed with the ticket, and gives the token if it can be.
func (c *campaign) checkUsed(ctx context.Context, place *QueuePlace, shopper string) error {
	loaded, err := c.fetch(ctx, shopper, "")
	if err != nil {
		return err
	}
	switch {
	case loaded.state.claim(ClaimQueue, strconv.FormatInt(place.Place, 10)) != nil:
		place.State = QueueUsed
	case place.State == QueueAdmitted:
		place.Token = c.waiting.room.Load().token(c.id, shopper, queueTicket{place.Place, place.ExpiresAt})
	}
	return nil
}

const (
	// pollSoon and pollLate spread the questions of those who wait: shortly after the moment at which they are let in, or once
	// in a while before it.
	pollSoon = 2 * time.Second
	pollLate = 30 * time.Second
)

// pollAfter is when who waits for a moment should ask again. It differs by shopper, so that not everybody asks at once.
func pollAfter(id drawing.ID, moment int64, now time.Time) time.Duration {
	share := func(d time.Duration) time.Duration {
		return time.Duration(int64(d) * int64(binary.BigEndian.Uint16(id[14:])) >> 16)
	}
	left := time.UnixMilli(moment).Sub(now)
	if left <= pollLate {
		return max(left, 0) + share(pollSoon)
	}
	return min(left, pollLate+share(pollLate))
}

// Join lets the shopper join the campaign's waiting room, once: a second call answers with the place of the first, created =
// false, until that was used or has expired. It is durable when Join returns.
func (e *Engine) Join(ctx context.Context, campaignID string, shopper Principal) (place *QueuePlace, created bool, err error) {
	c, err := e.shopperCampaign(ctx, campaignID, &shopper)
	if err != nil {
		return nil, false, err
	}
	for range maxDecisions {
		place, turn, err := c.standsAlready(ctx, shopper.ID)
		if place != nil || err != nil {
			return place, false, err
		}
		in, err := c.decideArrival(ctx, &shopper, turn)
		if err != nil {
			return nil, false, err
		}
		if err := c.submit(ctx, in); err != nil {
			return nil, false, err
		}
		switch in.verdict {
		case verdictWrite:
			place, err := c.arrivedAt(ctx, in.arrival)
			return place, true, err
		case verdictDone: // at another node, or by another request
			err = c.waiting.attend(ctx)
		default:
			c.view.outdate()
			if u := e.refused(c.id); u != nil { // this node cannot follow the change that overtook the arrival
				err = u.err
			}
		}
		if err != nil {
			return nil, false, err
		}
	}
	return nil, false, storeError(ErrConflict)
}

// standsAlready returns the place of a shopper who need not join, or the how manyth turn it would be. A shopper who is not
// known here is taken to be new: the unique key finds who is not.
func (c *campaign) standsAlready(ctx context.Context, shopper string) (place *QueuePlace, turn int64, err error) {
	if !c.snapshot.Load().definition().WaitingRoom.isOn() {
		return &QueuePlace{State: QueueOpen}, 0, nil
	}
	room, err := c.knownRoom(ctx)
	if err != nil {
		return nil, 0, err
	}
	if _, ok := c.waiting.find(drawing.ArrivalNamer(room.seed, c.id)(shopper), c.engine.now()); !ok {
		return nil, 1, nil
	}
	place, err = c.queuePlace(ctx, shopper)
	if err != nil || place.State == QueueWaiting || place.State == QueueAdmitted || place.State == QueueOpen {
		return place, 0, err
	}
	state, err := c.query(Query{Campaign: c.id, Brand: c.brand, Shoppers: []string{shopper}, Arrivals: true})
	if err != nil {
		return nil, 0, err
	}
	if known := state.Shoppers[shopper]; known != nil && known.Arrival != nil {
		turn = known.Arrival.Turn
	}
	return nil, turn + 1, nil
}

// arrivedAt is the place of an arrival that was committed. Before the room opens there is nothing to be read for it.
func (c *campaign) arrivedAt(ctx context.Context, a *Arrival) (*QueuePlace, error) {
	def, room := c.snapshot.Load().definition(), c.waiting.room.Load()
	if !room.isOpen() {
		id := drawing.ArrivalNamer(room.seed, c.id)(a.Shopper)
		return standing{}.in(room, def, id, c.engine.now()), nil
	}
	if err := c.waiting.attend(ctx); err != nil {
		return nil, err
	}
	return c.queuePlace(ctx, a.Shopper)
}

// decideArrival refuses who cannot buy anything anyway, as far as that needs no decision.
func (c *campaign) decideArrival(ctx context.Context, shopper *Principal, turn int64) (*intent, error) {
	snap, now := c.snapshot.Load(), c.engine.now()
	def := snap.definition()
	if err := snap.record.Rollout.refusesOrders(); err != nil && CodeOf(err) != CodeDraining {
		return nil, err
	}
	if from := def.joining(); now.Before(from) {
		return nil, Errorf(CodeNotInPhase, "the waiting room takes the first shoppers at %s", from.Format(time.RFC3339))
	}
	if !now.Before(def.Phases.Closed) {
		return nil, Errorf(CodeNotInPhase, "the sale is over")
	}
	if came, _ := c.waiting.counts(now); came >= maxArrivals {
		return nil, overloaded()
	}
	if err := c.mayBuy(ctx, def, shopper.ID); err != nil {
		return nil, err
	}
	return &intent{
		epoch: snap.record.Epoch, arrival: &Arrival{Shopper: shopper.ID, Turn: turn, At: now.UnixMilli()},
	}, nil
}

// mayBuy refuses a shopper for whom there is nothing to buy: everything is sold out, or is for those who reserved.
func (c *campaign) mayBuy(ctx context.Context, def *Campaign, shopper string) error {
	trusted := c.glance()
	refusal := soldOut(0)
	for i := range def.Items {
		item := &def.Items[i]
		if left, _ := c.view.left(StockCounter(item.SKU)); trusted && left.Remaining <= 0 {
			continue
		}
		if !item.NeedsReservation {
			return nil
		}
		refusal = Errorf(CodeReservationRequired, "what is left is for shoppers who reserved")
	}
	if CodeOf(refusal) != CodeReservationRequired {
		return refusal
	}
	if known, _ := c.memory.reservation(shopper); known != nil {
		return nil
	}
	loaded, err := c.fetch(ctx, shopper, "")
	if err != nil {
		return err
	}
	if loaded.state != nil && loaded.state.Reservation != nil {
		return nil
	}
	return refusal
}
