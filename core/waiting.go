package core

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"hotdrop/core/drawing"
)

// The bounds of a waiting room.
const (
	MaxPerMinute = 1_000_000
	MinTicket    = Duration(10 * time.Second)
	MaxTicket    = Duration(24 * time.Hour)
)

const (
	// defaultTicket is how long somebody who was let in may order.
	defaultTicket = 5 * time.Minute
	// joiningBefore is how long before the sale a waiting room takes the first arrivals.
	joiningBefore = time.Hour
	// rateLead is how long before its first effect another rate is written down: by then every node has read it.
	rateLead = 5 * time.Second
)

// WaitingRoom is what the campaign file says of its waiting room. It is off when PerMinute is 0.
type WaitingRoom struct {
	PerMinute int64     `json:"per_minute" doc:"how many shoppers are let in a minute"`
	Ticket    Duration  `json:"ticket,omitempty" doc:"how long a shopper who was let in may order; default 5m"`
	Opens     time.Time `json:"opens,omitzero" doc:"when shoppers may begin to join, RFC 3339; default: an hour before the sale"`
}

func (w WaitingRoom) isOn() bool { return w.PerMinute > 0 }

// ticket is how long somebody who was let in may order.
func (w WaitingRoom) ticket() time.Duration {
	if w.Ticket == 0 {
		return defaultTicket
	}
	return time.Duration(w.Ticket)
}

// joining returns when shoppers may begin to join the campaign's waiting room.
func (c *Campaign) joining() time.Time {
	if c.WaitingRoom.Opens.IsZero() {
		return c.Phases.Sale.Add(-joiningBefore)
	}
	return c.WaitingRoom.Opens
}

// needsTicket reports whether orders need a queue token at that moment: what is sold before the sale does not.
func (c *Campaign) needsTicket(now time.Time) bool {
	return c.WaitingRoom.isOn() && !now.Before(c.Phases.Sale)
}

// waitingRoom checks what the file says of the waiting room.
func (v *validation) waitingRoom() {
	w := v.campaign.WaitingRoom
	if w == (WaitingRoom{}) {
		return
	}
	if w.PerMinute < 1 || w.PerMinute > MaxPerMinute {
		v.problems.Add("waiting_room.per_minute", "must be between 1 and %d, not %d", MaxPerMinute, w.PerMinute)
	}
	if w.Ticket != 0 && (w.Ticket < MinTicket || w.Ticket > MaxTicket) {
		v.problems.Add("waiting_room.ticket", "must be between 10s and 24h")
	}
	if !w.Opens.IsZero() && w.Opens.After(v.campaign.Phases.Sale) {
		v.problems.Add("waiting_room.opens", "must not be after the sale has opened")
	}
}

// The states of a waiting room.
const (
	RoomJoining = "joining" // who comes is kept without an order
	RoomOpen    = "open"    // who came is shuffled and let in; who comes is behind them
)

// roomKey is the key of a campaign's waiting room among its documents.
func roomKey() DocumentKey { return DocumentKey{DocumentRoom, "room"} }

// Room is the content of a waiting room's document: with the arrivals it is all that places and instants depend on.
type Room struct {
	SeedHash string `json:"seed_hash"`           // SHA-256 of the seed, hex
	Seed     string `json:"seed"`                // hex; nobody sees it before the room opens
	Secret   string `json:"secret"`              // hex; the key of queue tokens, which nobody ever sees
	MadeAt   int64  `json:"made_at"`             // when the campaign first had a waiting room, Unix milliseconds
	OpenedAt int64  `json:"opened_at,omitempty"` // when the first is let in, Unix milliseconds
	Early    int64  `json:"early,omitempty"`     // the arrivals up to this number are shuffled; the later ones come as they came
	Rates    []Rate `json:"rates,omitempty"`     // how many are let in, from OpenedAt on; in the order of their beginnings
}

// Rate is how many are let in from a moment on.
type Rate struct {
	At        int64 `json:"at"` // Unix milliseconds
	PerMinute int64 `json:"per_minute"`
}

// newRoom returns the document of the waiting room if the changed file turns it on: seed and secret are made here, 256 random
// bits each, and from here on the seed's hash is public. A room that exists all the same stays as it is.
func newRoom(before, after *Campaign, now time.Time) []*Document {
	if !after.WaitingRoom.isOn() || before != nil && before.WaitingRoom.isOn() {
		return nil
	}
	seed, secret := make([]byte, drawing.SeedLength), make([]byte, drawing.SeedLength)
	_, _ = rand.Read(seed) // never fails: crypto/rand ends the process instead
	_, _ = rand.Read(secret)
	content := Room{
		SeedHash: drawing.HashSeed(seed), Seed: hex.EncodeToString(seed), Secret: hex.EncodeToString(secret), MadeAt: now.UnixMilli(),
	}
	key := roomKey()
	room := &Document{Kind: key.Kind, ID: key.ID}
	return []*Document{room.write(RoomJoining, content.opening(after), content)}
}

// opening is when the room opens, Unix milliseconds: with the sale, or at once if the file turns it on in mid-sale.
func (r *Room) opening(def *Campaign) int64 { return max(def.Phases.Sale.UnixMilli(), r.MadeAt) }

// rate is the latest rate that was written down, 0 before the room opens.
func (r *Room) rate() int64 {
	if len(r.Rates) == 0 {
		return 0
	}
	return r.Rates[len(r.Rates)-1].PerMinute
}

// storedRoom is a waiting room as it was read.
type storedRoom struct {
	Room

	document     *Document
	seed, secret []byte
}

func readRoom(d *Document) (*storedRoom, error) {
	content, err := read[Room](d)
	if err != nil {
		return nil, err
	}
	seed, err := hex.DecodeString(content.Seed)
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(content.Secret)
	return &storedRoom{*content, d, seed, secret}, err
}

func (r *storedRoom) isOpen() bool { return r.document.State == RoomOpen }

// openRoom closes the set of those who came early, so that they can be shuffled: their number is written down while the
// counter of arrivals is locked, so that whoever commits later has a higher one. A node that dies here leaves a room that is
// open or is not; places are derived from it afterwards, by every node for itself.
func (c *campaign) openRoom(ctx context.Context, room *storedRoom) (*storedRoom, error) {
	snap := c.snapshot.Load()
	def := snap.definition()
	var opened *Document
	var epoch int64
	asked := Query{Campaign: c.id, Brand: c.brand, Documents: []DocumentKey{roomKey()}}
	applied, err := c.engine.store.ApplyLocked(ctx, asked, func(s *State) (*Plan, error) {
		epoch, opened = s.Epoch, s.Documents[roomKey()]
		if opened == nil || opened.Revision != room.document.Revision || s.Epoch != snap.record.Epoch {
			return nil, nil //nolint:nilnil // somebody else has opened it, or moved when it opens
		}
		content, counter := room.Room, s.Counters[CounterQueue]
		content.OpenedAt, content.Early = room.opening(def), counter.Limit-counter.Remaining
		content.Rates = []Rate{{At: content.OpenedAt, PerMinute: def.WaitingRoom.PerMinute}}
		opened = room.document.write(RoomOpen, 0, content)
		return &Plan{
			Campaign: c.id, Brand: def.Brand, Epoch: s.Epoch, Documents: []*Document{opened},
			Counters: []Delta{{Counter: CounterQueue}},
		}, nil
	})
	if err != nil {
		return nil, err
	}
	if applied == nil {
		c.catchUp(epoch)
		return c.storedRoom()
	}
	stored := *opened
	stored.Revision++
	return readRoom(&stored)
}

// storedRoom reads the waiting room's document.
func (c *campaign) storedRoom() (*storedRoom, error) {
	state, err := c.query(Query{Campaign: c.id, Brand: c.brand, Documents: []DocumentKey{roomKey()}})
	if err != nil {
		return nil, err
	}
	d := state.Documents[roomKey()]
	if d == nil {
		return nil, Errorf(CodeWrongState, "this campaign has no waiting room")
	}
	room, err := readRoom(d)
	return room, storeError(err)
}

// writeRoom commits the room's next state and content and returns it as it is stored then; as somebody else has stored it,
// if they were faster.
func (c *campaign) writeRoom(next *Document) (*storedRoom, error) {
	return c.applyRoom(c.documentPlan(next))
}

// applyRoom commits a plan whose one document is the room.
func (c *campaign) applyRoom(plan *Plan) (*storedRoom, error) {
	err := c.apply(plan)
	if errors.Is(err, ErrConflict) {
		c.view.outdate()
		return c.storedRoom()
	}
	if err != nil {
		return nil, err
	}
	stored := *plan.Documents[0]
	stored.Revision++
	return readRoom(&stored)
}

// changeRate writes down that the campaign file lets in as many as it says from the near future on. It is fenced: a node that
// has not heard of the latest file would write down what an earlier one says.
func (c *campaign) changeRate(room *storedRoom, snap *snapshot) (*storedRoom, error) {
	content := room.Room
	from := c.engine.now().Add(rateLead).UnixMilli()
	content.Rates = append(slices.Clip(content.Rates), Rate{
		At: max(from, content.Rates[len(content.Rates)-1].At+1), PerMinute: snap.definition().WaitingRoom.PerMinute,
	})
	plan := c.documentPlan(room.document.write(RoomOpen, 0, content))
	plan.Epoch, plan.Counters = snap.record.Epoch, []Delta{{Counter: CounterQueue}}
	return c.applyRoom(plan)
}

// roomDue opens the room when it is due, or lets it be due when the campaign file says.
func (c *campaign) roomDue(ctx context.Context, d *Document) error {
	room, err := readRoom(d)
	if err != nil {
		return err
	}
	def := c.snapshot.Load().definition()
	if !def.WaitingRoom.isOn() {
		_, err = c.writeRoom(d.write(d.State, 0, room.Room))
		return storeError(err)
	}
	if due := room.opening(def); due > c.engine.now().UnixMilli() {
		_, err = c.writeRoom(d.write(d.State, due, room.Room))
		return storeError(err)
	}
	return c.waiting.attend(ctx)
}

// followRoom lets the waiting room follow a change of the campaign file: when it opens, and how many it lets in.
func (c *campaign) followRoom(ctx context.Context) error {
	def := c.snapshot.Load().definition()
	if !def.WaitingRoom.isOn() {
		return nil
	}
	room, err := c.storedRoom()
	if err != nil {
		return err
	}
	if due := room.opening(def); !room.isOpen() && room.document.Due != due {
		if _, err := c.writeRoom(room.document.write(RoomJoining, due, room.Room)); err != nil {
			return storeError(err)
		}
	}
	return c.waiting.attend(ctx)
}
