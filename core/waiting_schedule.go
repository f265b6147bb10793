package core

import (
	"slices"
	"time"
)

// schedule is when each place of a waiting room is let in: the first at the opening, each other one as long after the one
// before it as the rate says, but never before it came. So a room that is empty for a while lets nobody in ahead of the rate
// afterwards. It is a function of the room's document and its arrivals, and so the same on every node.
type schedule struct {
	rates []Rate
	now   int     // index of the rate that was in force when the last place is let in
	at    []int64 // of each place, Unix nanoseconds, never falling
}

func newSchedule(rates []Rate, places int) schedule {
	return schedule{rates: rates, at: make([]int64, 0, places)}
}

// add gives the next place its moment; arrived is when the shopper came, Unix milliseconds.
func (s *schedule) add(arrived int64) {
	at := max(arrived, s.rates[0].At) * int64(time.Millisecond)
	if n := len(s.at); n > 0 {
		at = max(at, s.after(s.at[n-1]))
	}
	s.at = append(s.at, at)
}

// after is the first moment at which the rate lets somebody in behind the one who was let in at last.
func (s *schedule) after(last int64) int64 {
	for s.now+1 < len(s.rates) && s.rates[s.now+1].at() <= last {
		s.now++
	}
	next := last + s.rates[s.now].interval()
	for _, later := range s.rates[s.now+1:] {
		if later.at() < next { // nobody waits longer than from the moment of a higher rate on
			next = min(next, later.at()+later.interval())
		}
	}
	return next
}

// at is when the rate begins, Unix nanoseconds.
func (r Rate) at() int64 { return r.At * int64(time.Millisecond) }

// interval is how long it is between two who are let in, nanoseconds.
func (r Rate) interval() int64 { return int64(time.Minute) / r.PerMinute }

// admitted is how many places have been let in.
func (s *schedule) admitted(now time.Time) int64 {
	n, _ := slices.BinarySearch(s.at, now.UnixNano()+1)
	return int64(n)
}
