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
	// refusalBatch is how many entries one write carries.
	refusalBatch = 500
	// refusalTries is how often a node that stops tries to write what it has.
	refusalTries = 5
	// refusalPause is how long the log rests after a write that failed; it rests longer each time, up to refusalRest.
	refusalPause = 100 * time.Millisecond
	refusalRest  = 5 * time.Second
)

// refusals is the log of refused order requests: what is kept of them waits in a bounded queue and is written in batches, by
// a goroutine that lives while something waits. No entry is dropped: where the log cannot keep up, the requests whose
// refusals are kept wait for room.
type refusals struct {
	journal Journal // nil: nothing is kept
	log     *slog.Logger
	room    chan struct{} // as many as entries wait
	stopped chan struct{} // closed when the node stops

	mu      sync.Mutex
	waiting []*RefusalRecord
	writing bool
	done    sync.WaitGroup
	once    sync.Once
}

func newRefusals(journal Journal, log *slog.Logger, room int) *refusals {
	return &refusals{journal: journal, log: log, room: make(chan struct{}, room), stopped: make(chan struct{})}
}

// add puts the entry into the log, as soon as there is room for it.
func (r *refusals) add(entry *RefusalRecord) {
	r.room <- struct{}{}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting, entry)
	if !r.writing {
		r.writing = true
		r.done.Go(r.write)
	}
}

// write writes what waits until nothing does.
func (r *refusals) write() {
	for batch := r.next(); len(batch) > 0; batch = r.next() {
		r.keep(batch)
		for range batch {
			<-r.room
		}
	}
}

// next takes the next batch; none ends the writing.
func (r *refusals) next() []*RefusalRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.waiting), refusalBatch)
	batch := r.waiting[:n:n]
	if r.waiting = r.waiting[n:]; n == 0 {
		r.writing, r.waiting = false, nil
	}
	return batch
}

// keep writes the batch, however often that takes. A node that stops ends with what it could not write, and says so.
func (r *refusals) keep(batch []*RefusalRecord) {
	pause := refusalPause
	for left := refusalTries; left > 0; {
		err := r.journal.AddRefusals(context.Background(), batch)
		if err == nil {
			return
		}
		r.log.Warn("refusals could not be written; it is tried again", "refusals", len(batch), "error", err)
		select {
		case <-time.After(pause):
		case <-r.stopped:
			left--
		}
		pause = min(2*pause, refusalRest)
	}
	r.log.Error("refusals are lost: the node stopped before they could be written", "refusals", len(batch))
}

// stop waits until everything is written that was added. Callers have stopped adding.
func (r *refusals) stop() {
	r.once.Do(func() { close(r.stopped) })
	r.done.Wait()
}

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
func (c *campaign) keepRefusal(seen *observed) {
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
	log.add(&RefusalRecord{
		Campaign: c.id, ID: newID(c.id, now), Brand: c.snapshot.Load().definition().Brand, At: now.UnixMilli(),
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
