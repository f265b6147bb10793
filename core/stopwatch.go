package core

import (
	"math/rand/v2"
	"time"
)

// stopwatchEvery is one in how many decisions of a mechanic its time is taken: two looks at the clock cost as much as a rule.
const stopwatchEvery = 16

// stopwatch returns the moment from which a mechanic's time is taken, or, mostly, zero: then it is not. It is drawn, so that
// no pattern of requests keeps a mechanic from being looked at.
func stopwatch() moment {
	if rand.Uint32()%stopwatchEvery != 0 { //nolint:gosec // no secret depends on it
		return moment{}
	}
	return moment{time.Now()}
}

// moment is when something began; zero if nobody looked at the clock.
type moment struct{ began time.Time }

// nanos is how long it took, nanoseconds; 0 if nobody looked at the clock.
func (m moment) nanos() int64 {
	if m.began.IsZero() {
		return 0
	}
	return max(1, time.Since(m.began).Nanoseconds())
}
