package core

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	// keptPerSecond is how many refusals of one code and reason a node keeps in each second; of those beyond it keeps one in
	// keptOneIn.
	keptPerSecond = 10
	keptOneIn     = 100
	// refusalKinds is how many codes and reasons are told apart within a second, as mechanics may make up any number of
	// reasons; the others count as otherRefusals.
	refusalKinds  = 64
	otherRefusals = "other"
	// refusalRoom is how many entries may wait to be written. When there is no room, requests wait for it.
	refusalRoom = 4096
	// refusalQueue is how many more there may be, of requests that wait or have waited, before others are refused.
	refusalQueue = 10_000
	// refusalBatch is how many entries one write carries.
	refusalBatch = 500
	// refusalTries is how often a node that stops goes on after a write that failed.
	refusalTries = 5
	// refusalTime is how long one write may take.
	refusalTime = 10 * time.Second
	// refusalPause is how long the log rests after a write that failed; it rests longer each time, up to refusalRest.
	refusalPause = 100 * time.Millisecond
	refusalRest  = 5 * time.Second
)

// refusals is the log of refused order requests: what is kept of them waits in a queue and is written in batches, by a
// goroutine that lives while something waits. No entry is dropped while the node runs. Where the log cannot keep up, the
// requests whose refusals are kept wait until theirs has room, or until nobody waits for their answer any more; the entry
// stays in the queue then. Beyond refusalQueue of these, no request is decided.
type refusals struct {
	journal Journal // nil: nothing is kept
	log     *slog.Logger
	room    int           // how many entries may be in the queue before requests wait
	queue   int           // how many more
	drained chan struct{} // closed when no request may wait any more
	stopped chan struct{} // closed when the node stops

	mu      sync.Mutex
	waiting []*RefusalRecord
	taken   int             // entries that are being written
	turns   []chan struct{} // of the entries beyond the room, in their order; closed when there is room
	writing bool
	tries   int // left once the node stops; the writer's
	done    sync.WaitGroup
	drain   func()
	close   func()
}

func newRefusals(journal Journal, log *slog.Logger, room, queue int) *refusals {
	r := &refusals{
		journal: journal, log: log, room: room, queue: queue, tries: refusalTries,
		drained: make(chan struct{}), stopped: make(chan struct{}),
	}
	r.drain = sync.OnceFunc(func() { close(r.drained) })
	r.close = sync.OnceFunc(func() { close(r.stopped) })
	return r
}

// admit refuses a request before anything is decided, if so many wait for the log that it could not be kept in time. The ones
// that are being decided at that moment may still come on top.
func (r *refusals) admit() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.turns) >= r.queue {
		return overloaded()
	}
	return nil
}

// add puts the entry into the log, and waits until there is room for it, ctx ends or the node drains.
func (r *refusals) add(ctx context.Context, entry *RefusalRecord) {
	turn := r.enqueue(entry)
	if turn == nil {
		return
	}
	select {
	case <-turn:
	case <-ctx.Done():
	case <-r.drained:
	}
}

// enqueue returns what is closed when there is room for the entry; nil if there is.
func (r *refusals) enqueue(entry *RefusalRecord) (turn chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting)+r.taken >= r.room {
		turn = make(chan struct{})
		r.turns = append(r.turns, turn)
	}
	r.waiting = append(r.waiting, entry)
	if !r.writing {
		r.writing = true
		r.done.Go(r.write)
	}
	return turn
}

// write writes what waits until nothing does.
func (r *refusals) write() {
	for batch := r.next(); len(batch) > 0; batch = r.next() {
		r.keep(batch)
		r.release()
	}
}

// next takes the next batch; none ends the writing.
func (r *refusals) next() []*RefusalRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.waiting), refusalBatch)
	batch := r.waiting[:n:n]
	r.taken = n
	if r.waiting = r.waiting[n:]; n == 0 {
		r.writing, r.waiting, r.turns = false, nil, nil
	}
	return batch
}

// release gives the room of what was written to those that have waited longest.
func (r *refusals) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken = 0
	for beyond := max(0, len(r.waiting)-r.room); len(r.turns) > beyond; r.turns = r.turns[1:] {
		close(r.turns[0])
	}
}

// keep writes the batch, however often that takes. A node that stops ends with what it could not write, and says so.
func (r *refusals) keep(batch []*RefusalRecord) {
	pause := refusalPause
	for r.tries > 0 {
		err := r.try(batch)
		if err == nil {
			return
		}
		r.log.Warn("refusals could not be written; it is tried again", "refusals", len(batch), "error", err)
		select {
		case <-time.After(pause):
		case <-r.stopped:
			r.tries--
		}
		pause = min(2*pause, refusalRest)
	}
	r.log.Error("refusals are lost: the node stopped before they could be written", "refusals", len(batch))
}

func (r *refusals) try(batch []*RefusalRecord) error {
	ctx, cancel := context.WithTimeout(context.Background(), refusalTime)
	defer cancel()
	return r.journal.AddRefusals(ctx, batch) //nolint:wrapcheck // it is logged only
}

// stop waits until everything is written that was added. Callers have stopped adding.
func (r *refusals) stop() {
	r.drain()
	r.close()
	r.done.Wait()
}

// Drain lets no request wait any more for the log of refusals: this node is to answer what is under way, and end. What waits
// is still written before [Engine.Stop] returns.
func (e *Engine) Drain() { e.refusalLog.drain() }

// refusalSample says which of a campaign's refusals are kept. The zero value has seen none.
type refusalSample struct {
	mu     sync.Mutex
	second int64
	seen   map[refusalKind]int64 // in this second
}

// refusalKind is what refusals are told apart by.
type refusalKind struct {
	code   Code
	reason string
}

// keeps counts a refusal of the kind in the second (Unix seconds), and reports whether it is one to be kept.
func (s *refusalSample) keeps(kind refusalKind, second int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil || second > s.second {
		s.second, s.seen = second, map[refusalKind]int64{}
	}
	if _, known := s.seen[kind]; !known && len(s.seen) >= refusalKinds {
		kind.reason = otherRefusals
	}
	s.seen[kind]++
	n := s.seen[kind]
	return n <= keptPerSecond || n%keptOneIn == 0
}

// keepRefusal keeps the request's refusal, if it is one of those that are. What says nothing about the request, but that the
// store is away or too busy, is not: the log is in that store.
func (c *campaign) keepRefusal(ctx context.Context, seen *observed) {
	log := c.engine.refusalLog
	if seen.err == nil || log.journal == nil {
		return
	}
	refusal := asError(seen.err)
	if slices.Contains([]Code{CodeUnavailable, CodeOverloaded, CodeStorageFull}, refusal.Code) {
		return
	}
	now := c.engine.now()
	if !c.refused.keeps(refusalKind{refusal.Code, refusal.Reason}, now.Unix()) {
		return
	}
	log.add(ctx, &RefusalRecord{
		Campaign: c.id, ID: newID(c.id, now), Brand: c.brand, At: now.UnixMilli(),
		Code: refusal.Code, Reason: refusal.Reason, Content: c.refusedContent(seen, refusal, now),
	})
}

// refusedContent is the decision as an order would pin it, as far as it was made, with the refusal: canonical JSON. A request
// that was refused before mechanics were asked has the facts that came with it, and no more.
func (c *campaign) refusedContent(seen *observed, refusal *Error, now time.Time) []byte {
	if q := seen.quoted; q != nil && q.decision != nil {
		return withRefusal(q.decision.pin(&q.facts, q.snapshot.record.Epoch), refusal)
	}
	snap, req := c.snapshot.Load(), seen.request
	facts := Facts{
		Now: now.UnixMilli(), Campaign: snap.campaignFacts(now), Item: ItemFacts{SKU: req.SKU}, Quantity: req.Quantity,
		Input: req.Input, Shopper: req.Shopper.facts(0),
	}
	b := strconv.AppendInt([]byte(`{"epoch":`), snap.record.Epoch, 10)
	b = facts.appendJSON(append(b, `,"facts":`...))
	return append(refusal.appendJSON(b), '}')
}

// withRefusal puts the refusal into a pinned decision, where its name belongs by the order of the names: ruleset, a number, and
// total are what ends every pin.
func withRefusal(pin []byte, refusal *Error) []byte {
	at := bytes.LastIndex(pin, []byte(`,"ruleset":`))
	b := make([]byte, 0, len(pin)+256)
	b = refusal.appendJSON(append(b, pin[:at]...))
	return append(b, pin[at:]...)
}

// appendJSON appends the refusal as a member of an object that has others before it.
func (e *Error) appendJSON(b []byte) []byte {
	b = appendString(append(b, `,"refusal":{"check":`...), checkOf(e.Code))
	b = appendString(append(b, `,"code":`...), string(e.Code))
	b = appendString(append(b, `,"message":`...), e.Message)
	if e.Reason != "" {
		b = appendString(append(b, `,"reason":`...), e.Reason)
	}
	return append(b, '}')
}
