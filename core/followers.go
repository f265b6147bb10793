package core

import "sync"

// followers does one thing at a time for each campaign, and everything for different campaigns at once: what takes long in
// one of them keeps no other waiting. What is asked for while it is done is done once more, as it may have begun too early
// to see why it was asked for.
type followers struct {
	mu     sync.Mutex
	busy   map[string]*turn
	done   sync.WaitGroup
	closed bool
}

// turn is one campaign's.
type turn struct {
	again bool
	over  chan struct{}
}

// start has the work done and returns a channel that is closed when it has been, begun no earlier than now.
func (f *followers) start(campaign string, work func()) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.busy[campaign]; t != nil {
		t.again = true
		return t.over
	}
	t := &turn{over: make(chan struct{})}
	if f.closed {
		close(t.over)
		return t.over
	}
	if f.busy == nil {
		f.busy = map[string]*turn{}
	}
	f.busy[campaign] = t
	f.done.Go(func() {
		defer close(t.over)
		for again := true; again; again = f.next(campaign, t) {
			work()
		}
	})
	return t.over
}

// next reports whether the work was asked for again.
func (f *followers) next(campaign string, t *turn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	again := t.again && !f.closed
	t.again = false
	if !again {
		delete(f.busy, campaign)
	}
	return again
}

// close waits for what is being done; nothing is done any more.
func (f *followers) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.done.Wait()
}
