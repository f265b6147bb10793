package core

import (
	"strings"
	"sync"
	"time"
)

const (
	// viewFresh is how old a view may be before the next load reads the counters along.
	viewFresh = 50 * time.Millisecond
	// viewTrusted is how long "sold out" may be answered from memory: stock that came back is on sale again after at
	// most this long, on every node.
	viewTrusted = 100 * time.Millisecond
)

// view is what a node remembers of a campaign's counters: hints for facts and shoppers, never a permission to sell.
type view struct {
	now func() time.Time

	mu       sync.RWMutex
	counters map[string]sighting
	full     time.Time // when all counters were last read
	asked    time.Time // when somebody last went to read them
}

// sighting is what was left of a counter. What a commit left is the counter's state at some moment between the commit's
// beginning and its end: it is as old as the beginning where it refuses, and as new as the end where something else was seen.
type sighting struct {
	limit, left int64
	from, until time.Time // both are the beginning of a read
}

// stale reports whether the next load should read the counters too.
func (v *view) stale() bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.now().Sub(v.full) > viewFresh
}

// ask reports whether the caller should have the counters read: they are stale, and nobody else has gone for them.
func (v *view) ask() bool {
	if !v.stale() {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	if now.Sub(v.asked) <= viewFresh {
		return false
	}
	v.asked = now
	return true
}

// trusted reports whether every counter was seen recently enough to refuse with.
func (v *view) trusted() bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.now().Sub(v.full) <= viewTrusted
}

// outdate makes the next load read the counters, whenever they were last read.
func (v *view) outdate() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.full = time.Time{}
}

// saw takes in every counter, as read by a query that began at the given time.
func (v *view) saw(counters map[string]Counter, began time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if began.Before(v.full) {
		return
	}
	v.full = began
	for key, c := range counters {
		if known := v.counters[key]; known.until.After(began) && known.limit == c.Limit { // it may have seen what was before
			continue
		}
		v.counters[key] = sighting{limit: c.Limit, left: c.Remaining, from: began, until: began}
	}
}

// committed takes in what a commit left of its counters, that began and was acknowledged at the given times.
func (v *view) committed(remaining map[string]int64, began, acknowledged time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, left := range remaining {
		known, ok := v.counters[key]
		if !ok || known.until.After(acknowledged) {
			continue
		}
		known.left, known.from, known.until = left, began, acknowledged
		v.counters[key] = known
	}
}

// soldOut reports whether any item was last seen without stock.
func (v *view) soldOut() bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for key, s := range v.counters {
		if s.left == 0 && strings.HasPrefix(key, StockCounter("")) {
			return true
		}
	}
	return false
}

// left returns what was last seen of the counter and whether that is recent enough to refuse an order with.
func (v *view) left(key string) (c Counter, trusted bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	s, ok := v.counters[key]
	return Counter{Limit: s.limit, Remaining: s.left}, ok && v.now().Sub(s.from) <= viewTrusted
}
