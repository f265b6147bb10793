package identity

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"hotdrop/core"
)

func numbered(n int) [sha256.Size]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func TestWhatIsRememberedIsBoundedAndNeverSomebodyElse(t *testing.T) {
	c, ring := newClock(), &keyring{now: time.Now}
	ring.current.Store(&generation{set: &keySet{}, at: time.Now()})
	m := newMemory()
	const tokens = 3 * shards * shardSize
	for i := range tokens {
		m.keep(numbered(i), &remembered{
			shopper: core.Principal{RegisteredAt: int64(i)}, ring: ring, keys: ring.keys(), until: c.now().Add(time.Minute),
		})
	}
	known := 0
	for i := range tokens {
		p, ok := m.find(numbered(i), c.now())
		if ok && p.RegisteredAt != int64(i) {
			t.Fatalf("token %d is remembered as %d", i, p.RegisteredAt)
		}
		if ok {
			known++
		}
	}
	if known > 2*shards*shardSize || known < shards*shardSize/2 {
		t.Errorf("%d of %d tokens are remembered", known, tokens)
	}
	for i := range m.shards {
		if len(m.shards[i].young) > shardSize || len(m.shards[i].old) > shardSize {
			t.Errorf("shard %d holds %d and %d", i, len(m.shards[i].young), len(m.shards[i].old))
		}
	}
	c.advance(time.Minute)
	if _, ok := m.find(numbered(tokens-1), c.now()); ok {
		t.Error("it is remembered beyond its time")
	}
}

// Remembering changes nothing but what it costs: at any time, tokens are accepted exactly as they would be without.
func TestRememberingChangesNoAnswer(t *testing.T) {
	key, other := ecSigner(t, "k1"), ecSigner(t, "k2")
	sets := [][]*signer{{key}, {other}, {key, other}}
	server := newKeyServer(t, sets[0]...)
	rapid.Check(t, func(r *rapid.T) {
		c := newClock()
		server.publish(t, sets[0]...)
		issuers := newIssuers(t, c, server.URL)
		ring := issuers.byIssuer[theIssuer].ring
		var tokens []string
		for range rapid.IntRange(1, 4).Draw(r, "tokens") {
			by := rapid.SampledFrom([]*signer{key, other}).Draw(r, "key")
			life := time.Duration(rapid.IntRange(1, 200).Draw(r, "life")) * time.Second
			tokens = append(tokens, by.sign(t, claimsOf(c, jwt.MapClaims{"exp": c.now().Add(life).Unix()}), nil))
		}
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			c.advance(time.Duration(rapid.IntRange(0, 60).Draw(r, "seconds")) * time.Second)
			if rapid.Bool().Draw(r, "rotate") {
				server.publish(t, rapid.SampledFrom(sets).Draw(r, "set")...)
				c.advance(refreshGap)
				ring.refresh(t.Context())
			}
			token := rapid.SampledFrom(tokens).Draw(r, "token")
			got, err := issuers.Verify(t.Context(), token)
			issuers.known = newMemory()
			want, plain := issuers.Verify(t.Context(), token)
			if (err == nil) != (plain == nil) || got.ID != want.ID {
				r.Fatalf("remembered: %v, %v; without: %v, %v", got.ID, err, want.ID, plain)
			}
		}
	})
}

func TestRefusalsAreNotRemembered(t *testing.T) {
	c, key := newClock(), ecSigner(t, "k1")
	issuers := newIssuers(t, c, newKeyServer(t, key).URL)
	token := key.sign(t, claimsOf(c, jwt.MapClaims{"nbf": c.now().Add(time.Minute).Unix()}), nil)
	_, err := issuers.Verify(t.Context(), token)
	refused(t, "too early", err)
	for i := range issuers.known.shards {
		if len(issuers.known.shards[i].young) > 0 {
			t.Fatal("a token that is not valid takes room")
		}
	}
	c.advance(time.Minute)
	if _, err := issuers.Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
}
