package api

import (
	"hash/maphash"
	"sync"
	"time"
)

// bucketWays is how many buckets share a lock: as many as fill two cache lines with it.
const bucketWays = 7

// buckets are the token buckets of one limit, by whom they limit, in a table that never grows. A bucket is one number: when
// it is whole again (the generic cell rate algorithm). One that is whole is the same as none, so that a newcomer takes its
// place and nobody loses anything. Where none of the places that a newcomer may have is whole, it inherits the bucket that
// is nearest to it: so forgetting somebody gives nobody tokens, and whatever is asked under however many names, seven places
// never allow more than seven buckets do.
type buckets struct {
	interval int64 // nanoseconds until there is one token more
	whole    int64 // nanoseconds until an empty bucket is whole
	burst    int64
	seed     maphash.Seed // nobody outside knows whose places are the same
	sets     []bucketSet
	now      func() int64 // nanoseconds of a clock that never goes back
}

// bucketSet is the places that one may have.
type bucketSet struct {
	mu    sync.Mutex
	keys  [bucketWays]uint64
	whole [bucketWays]int64 // when the bucket is whole again
}

// taking is what became of asking for a token.
type taking struct {
	allowed bool
	left    int64         // tokens
	whole   time.Duration // until all are there again
	wait    time.Duration // until there is one, if it was not allowed
}

// newBuckets makes a table with at least so many places; nil for a limit that limits nothing.
func newBuckets(limit Limit, places int, now func() int64) *buckets {
	if limit.Requests == 0 {
		return nil
	}
	sets := 1
	for sets*bucketWays < places {
		sets *= 2
	}
	interval := int64(limit.interval())
	return &buckets{
		interval: interval, whole: interval * limit.Burst, burst: limit.Burst, seed: maphash.MakeSeed(),
		sets: make([]bucketSet, sets), now: now,
	}
}

// take takes a token from the bucket of the key, which is a hash made with seed, if there is one.
func (b *buckets) take(key uint64) taking {
	now := b.now()
	set := &b.sets[key&uint64(len(b.sets)-1)] //nolint:gosec // a power of two
	set.mu.Lock()
	defer set.mu.Unlock()
	place := set.place(key)
	whole := max(set.whole[place], now) + b.interval
	if wait := whole - now - b.whole; wait > 0 {
		return taking{whole: time.Duration(whole - b.interval - now), wait: time.Duration(wait)}
	}
	set.whole[place] = whole
	return taking{allowed: true, left: (b.whole - whole + now) / b.interval, whole: time.Duration(whole - now)}
}

// place returns where the key's bucket is; a key without one takes the place whose bucket is whole first.
func (s *bucketSet) place(key uint64) int {
	first := 0
	for i := range s.keys {
		if s.keys[i] == key {
			return i
		}
		if s.whole[i] < s.whole[first] {
			first = i
		}
	}
	s.keys[first] = key
	return first
}
