package core_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// countedKeys is a store of keys that counts what it is asked, and fails when it is told to.
type countedKeys struct {
	core.StaffKeyStore

	asked  atomic.Int64
	broken atomic.Bool
}

func (s *countedKeys) ask() error {
	s.asked.Add(1)
	if s.broken.Load() {
		return core.ErrUnavailable
	}
	return nil
}

func (s *countedKeys) StaffKeyRevision(ctx context.Context) (int64, error) {
	if err := s.ask(); err != nil {
		return 0, err
	}
	return s.StaffKeyStore.StaffKeyRevision(ctx)
}

func (s *countedKeys) StaffKeysSince(ctx context.Context, revision, endsAfter int64, limit int) ([]*core.StaffKey, error) {
	if err := s.ask(); err != nil {
		return nil, err
	}
	return s.StaffKeyStore.StaffKeysSince(ctx, revision, endsAfter, limit)
}

func TestAStaffKeyIsItsPersonsOnEveryNodeUntilItEnds(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		here := newStaffKeys(t, s)
		there := here.node()
		key, secret := here.create(wants("olga"))
		if !strings.HasPrefix(secret, "hd_operator_") || len(secret) != len("hd_operator_")+43 || !strings.HasPrefix(secret, key.Prefix) ||
			len(key.Prefix) != len("hd_operator_")+4 || !core.ValidStaffKeyID(key.ID) {
			t.Errorf("the key %s begins with %s", key.ID, key.Prefix)
		}
		here.lets(secret, core.Principal{ID: "olga", Role: core.RoleOperator})
		there.refuses(secret, core.CodeNotFound, "not known")
		must(t, there.Start(t.Context()))
		there.lets(secret, core.Principal{ID: "olga", Role: core.RoleOperator})

		here.clock.advance(core.DefaultStaffKeyTTL - time.Millisecond)
		there.lets(secret, core.Principal{ID: "olga", Role: core.RoleOperator})
		here.clock.advance(time.Millisecond)
		there.refuses(secret, core.CodeWrongState, "is expired since 2013-03-21")
		here.refuses("hd_operator_"+strings.Repeat("A", 43), core.CodeNotFound, "not known")
	})
}

func TestARevokedKeyIsRefusedAtOnceHereAndWithinASecondElsewhere(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		here := newStaffKeys(t, s)
		key, secret := here.create(wants("olga"))
		there := here.node()
		ended, err := here.Revoke(t.Context(), core.StaffKeyRevocation{Actor: root, Key: key.ID, Reason: "stolen"})
		must(t, err)
		if ended.RevokedBy != "root" || ended.State(opening) != core.StaffKeyRevoked {
			t.Errorf("revoked: %+v", ended)
		}
		here.refuses(secret, core.CodeWrongState, "of olga is revoked since")
		there.lets(secret, core.Principal{ID: "olga", Role: core.RoleOperator}) // it has not asked yet
		here.clock.advance(time.Second + time.Millisecond)
		there.refuses(secret, core.CodeWrongState, "revoked")

		again, err := here.Revoke(t.Context(), core.StaffKeyRevocation{Actor: meizuAdmin, Key: key.ID, Reason: "mine"})
		failsWith(t, err, core.CodeNotFound)
		if again != nil {
			t.Errorf("another brand's administrator reads %+v", again)
		}
		again, err = here.Revoke(t.Context(), core.StaffKeyRevocation{Actor: root, Key: key.ID, Reason: "twice"})
		must(t, err)
		if again.RevokedAt != ended.RevokedAt {
			t.Errorf("the second time it was revoked at %d", again.RevokedAt)
		}
	})
}

func TestANodeThatHearsNothingFromTheStoreLetsNobodyIn(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		k := newStaffKeys(t, s)
		_, secret := k.create(wants("olga"))
		k.store.broken.Store(true)
		k.lets(secret, core.Principal{ID: "olga", Role: core.RoleOperator})
		k.clock.advance(time.Second + time.Millisecond)
		k.refuses(secret, core.CodeUnavailable, "")
		asked := k.store.asked.Load()
		for range 100 {
			k.refuses(secret, core.CodeUnavailable, "")
		}
		if more := k.store.asked.Load() - asked; more != 0 {
			t.Errorf("a store that does not answer was asked %d times more within a moment", more)
		}
		k.store.broken.Store(false)
		k.clock.advance(time.Second)
		k.lets(secret, core.Principal{ID: "olga", Role: core.RoleOperator})
	})
}

func TestUnknownKeysCostNoQuery(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		k := newStaffKeys(t, s)
		key, secret := k.create(wants("olga"))
		_, err := k.Revoke(t.Context(), core.StaffKeyRevocation{Actor: root, Key: key.ID, Reason: "r"})
		must(t, err)
		k.clock.advance(time.Hour) // what it knows is old
		asked := k.store.asked.Load()
		for i := range 10_000 {
			k.refuses(fmt.Sprintf("hd_operator_%043d", i), core.CodeNotFound, "")
		}
		k.refuses(secret, core.CodeWrongState, "revoked")
		if more := k.store.asked.Load() - asked; more != 0 {
			t.Errorf("10,000 unknown keys cost %d queries", more)
		}
	})
}

// keysOfOneProcess is a store in memory, for tests of what passes of time.
type keysOfOneProcess struct {
	core.StaffKeyStore

	revision atomic.Int64
	asked    chan struct{}
}

func (s *keysOfOneProcess) StaffKeyRevision(context.Context) (int64, error) {
	s.asked <- struct{}{}
	return s.revision.Load(), nil
}

func TestANodeAsksForChangesMoreOftenThanTwiceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &keysOfOneProcess{asked: make(chan struct{}, 100)}
		k := core.NewStaffKeys(core.StaffKeysOptions{Store: s})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { k.Run(ctx); close(ended) }()
		<-time.After(10 * time.Second)
		synctest.Wait()
		if asked := len(s.asked); asked < 20 || asked > 50 {
			t.Errorf("it asked %d times within ten seconds", asked)
		}
		stop()
		<-ended
	})
}

// TestAnyHistoryOfKeysIsTheSameOnEveryNode makes, rotates and revokes keys on two nodes and lets time pass: after each step
// either node lets in exactly what a plain model of the keys lets in.
func TestAnyHistoryOfKeysIsTheSameOnEveryNode(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		first := newStaffKeys(t, s)
		nodes := []*staffKeys{first, first.node()}
		rapid.Check(t, func(rt *rapid.T) {
			ends := map[string]time.Time{} // by secret
			made := map[string]*core.StaffKey{}
			pick := func() string {
				if len(made) == 0 {
					return ""
				}
				return rapid.SampledFrom(slices.Sorted(maps.Keys(made))).Draw(rt, "secret")
			}
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				node := nodes[rapid.IntRange(0, 1).Draw(rt, "node")]
				now := first.clock.now()
				secret := pick()
				switch rapid.IntRange(0, 3).Draw(rt, "step") {
				case 0:
					r := wants(fmt.Sprintf("p%d", len(made)))
					r.TTL = time.Duration(rapid.IntRange(60, 600).Draw(rt, "ttl")) * time.Second
					key, fresh, err := node.Create(t.Context(), r)
					must(t, err)
					made[fresh], ends[fresh] = key, now.Add(r.TTL)
				case 1:
					overlap := time.Duration(rapid.IntRange(0, 60).Draw(rt, "overlap")) * time.Second
					if secret == "" {
						continue
					}
					key, fresh, err := node.Rotate(t.Context(), core.StaffKeyRotation{
						Actor: root, Key: made[secret].ID, Overlap: overlap, Reason: "r",
					})
					if err == nil {
						made[fresh], ends[fresh] = key, time.UnixMilli(key.ExpiresAt)
						if until := now.Add(overlap); until.Before(ends[secret]) {
							ends[secret] = until
						}
					}
				case 2:
					if secret == "" {
						continue
					}
					_, err := node.Revoke(t.Context(), core.StaffKeyRevocation{Actor: root, Key: made[secret].ID, Reason: "r"})
					if err == nil && now.Before(ends[secret]) {
						ends[secret] = now
					}
				default:
					first.clock.advance(time.Duration(rapid.IntRange(1, 120).Draw(rt, "seconds")) * time.Second)
				}
				for _, node := range nodes {
					must(t, node.Start(t.Context()))
					for secret, end := range ends {
						_, err := node.find(secret)
						if works := first.clock.now().Before(end); (err == nil) != works {
							rt.Fatalf("a key that ends %s: %v at %s", end, err, first.clock.now())
						}
					}
				}
			}
		})
	})
}
