package core

import (
	"sync"
	"time"
)

// alarms ring at an instant, one for each campaign at most.
type alarms struct {
	mu     sync.Mutex
	set    map[string]*time.Timer
	closed bool
}

// ring has the campaign's alarm ring once, after the given time, and at no other.
func (a *alarms) ring(campaign string, after time.Duration, wake func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stop(campaign)
	if a.closed {
		return
	}
	if a.set == nil {
		a.set = map[string]*time.Timer{}
	}
	a.set[campaign] = time.AfterFunc(after, wake)
}

// silence has the campaign's alarm not ring.
func (a *alarms) silence(campaign string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stop(campaign)
}

// stop is called with mu held.
func (a *alarms) stop(campaign string) {
	if timer := a.set[campaign]; timer != nil {
		timer.Stop()
		delete(a.set, campaign)
	}
}

// close has none ring any more.
func (a *alarms) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for campaign := range a.set {
		a.stop(campaign)
	}
}
