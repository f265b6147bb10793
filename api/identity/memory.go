package identity

import (
	"crypto/sha256"
	"sync"
	"time"

	"hotdrop/core"
)

const (
	// rememberFor is how long a token that was verified is not verified again, unless the keys of its issuer change: what an
	// issuer withdraws by other means than its keys counts for so long at most.
	rememberFor = time.Minute
	// shards are locked apart; each keeps two generations of shardSize tokens, some 130,000 tokens in all.
	shards    = 16
	shardSize = 4096
)

// remembered is a token that was verified.
type remembered struct {
	shopper core.Principal
	ring    *keyring
	keys    *keySet // it was verified with
	until   time.Time
}

// good reports whether the token would be verified again with the same result.
func (r *remembered) good(now time.Time) bool { return now.Before(r.until) && r.ring.keys() == r.keys }

// memory remembers tokens that were verified, by their SHA-256: bounded, and of tokens that are valid only. What a rush
// repeats thousands of times a second is one lookup instead of a signature.
type memory struct{ shards [shards]shard }

type shard struct {
	mu         sync.RWMutex
	young, old map[[sha256.Size]byte]*remembered
}

func newMemory() *memory {
	m := &memory{}
	for i := range m.shards {
		m.shards[i].young = map[[sha256.Size]byte]*remembered{}
	}
	return m
}

// find returns whom the token was verified to speak for.
func (m *memory) find(digest [sha256.Size]byte, now time.Time) (core.Principal, bool) {
	s := &m.shards[digest[0]%shards]
	s.mu.RLock()
	r := s.young[digest]
	if r == nil {
		r = s.old[digest]
	}
	s.mu.RUnlock()
	if r == nil || !r.good(now) {
		return core.Principal{}, false
	}
	return r.shopper, true
}

// keep remembers a token. A shard that is full forgets the older half of what it knows.
func (m *memory) keep(digest [sha256.Size]byte, r *remembered) {
	s := &m.shards[digest[0]%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.young) >= shardSize {
		s.old, s.young = s.young, make(map[[sha256.Size]byte]*remembered, shardSize)
	}
	s.young[digest] = r
}
