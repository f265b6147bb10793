package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"hotdrop/core"
)

// keyring is a brand of its own in a store of staff keys.
type keyring struct {
	Store
	t     testing.TB
	brand string
	at    int64 // when its changes are, Unix milliseconds
	count int
}

func newKeyring(t testing.TB, store Store) *keyring {
	t.Helper()
	return &keyring{Store: store, t: t, brand: unique("brand"), at: opening}
}

// key is one that works for ten minutes; later ones sort later.
func (r *keyring) key(person string) *core.StaffKey {
	r.count++
	id := fmt.Sprintf("key.%s%04d", unique("x")[2:], r.count)
	return &core.StaffKey{
		ID: id, Kind: core.StaffKeyAPI, Person: person, Role: core.RoleOperator, Brand: r.brand, Prefix: "hd_operator_Ab3d",
		SHA256: sha256.Sum256([]byte(id)), CreatedAt: r.at, CreatedBy: "root", ExpiresAt: r.at + 10*minute,
	}
}

// wide bounds nothing.
var wide = core.StaffKeyBounds{All: 1 << 40, Brand: 1 << 40, Person: 1 << 40} //nolint:gochecknoglobals // a constant of a struct

func (r *keyring) change(ended, created *core.StaffKey) *core.StaffKeyChange {
	return &core.StaffKeyChange{
		Ended: ended, Created: created, At: r.at, Bounds: wide,
		Entry: core.StaffEntry{At: r.at, Actor: "root", Role: "admin", Brand: r.brand, Action: "key.test", After: []byte(`{}`)},
	}
}

// commit makes the change and gives its keys the revision they have then.
func (r *keyring) commit(ended, created *core.StaffKey) int64 {
	r.t.Helper()
	revision, err := r.ChangeStaffKeys(r.t.Context(), r.change(ended, created))
	must(r.t, err)
	for _, k := range []*core.StaffKey{ended, created} {
		if k != nil {
			k.Revision = revision
		}
	}
	return revision
}

// make stores keys of these people, in order.
func (r *keyring) make(people ...string) (keys []*core.StaffKey) {
	r.t.Helper()
	for _, person := range people {
		keys = append(keys, r.key(person))
		r.commit(nil, keys[len(keys)-1])
	}
	return keys
}

// found looks keys of the brand up.
func (r *keyring) found(f core.StaffKeyFilter) []*core.StaffKey {
	r.t.Helper()
	if f.Brand == "" && !f.EveryBrand {
		f.Brand = r.brand
	}
	if f.Limit == 0 {
		f.Limit = 100
	}
	list, err := r.FindStaffKeys(r.t.Context(), f)
	must(r.t, err)
	return list
}

// since lists the brand's keys that changed after the revision and end after that.
func (r *keyring) since(revision, endsAfter int64, limit int) []*core.StaffKey {
	r.t.Helper()
	list, err := r.StaffKeysSince(r.t.Context(), revision, endsAfter, limit)
	must(r.t, err)
	return list
}

func (r *keyring) revision() int64 {
	r.t.Helper()
	revision, err := r.StaffKeyRevision(r.t.Context())
	must(r.t, err)
	return revision
}

// newestFirst sorts by id, as listings do.
func newestFirst(keys ...*core.StaffKey) []*core.StaffKey {
	sorted := slices.Clone(keys)
	slices.SortFunc(sorted, func(a, b *core.StaffKey) int { return compareIDs(b, a) })
	return sorted
}

func compareIDs(a, b *core.StaffKey) int { return strings.Compare(a.ID, b.ID) }

func testStaffKeys(t *testing.T, store Store) {
	r := newKeyring(t, store)
	before := r.revision()
	keys := r.make("ann", "bob", "ann")

	t.Run("keys come back as they were made, the latest first, of a person or a brand", func(t *testing.T) {
		same(t, "all", r.found(core.StaffKeyFilter{}), newestFirst(keys...))
		same(t, "ann's", r.found(core.StaffKeyFilter{Person: "ann"}), newestFirst(keys[0], keys[2]))
		same(t, "another brand's", len(r.found(core.StaffKeyFilter{Brand: unique("none")})), 0)
		same(t, "of no brand", slices.ContainsFunc(r.found(core.StaffKeyFilter{EveryBrand: true, ID: keys[1].ID}),
			func(k *core.StaffKey) bool { return k.ID == keys[1].ID }), true)
		sorted := newestFirst(keys...)
		same(t, "a page", r.found(core.StaffKeyFilter{Limit: 1}), sorted[:1])
		same(t, "the next", r.found(core.StaffKeyFilter{Before: sorted[0].ID}), sorted[1:])
	})

	t.Run("every change raises the revision by one and its keys have it", func(t *testing.T) {
		same(t, "revisions", []int64{keys[0].Revision, keys[1].Revision, keys[2].Revision}, []int64{before + 1, before + 2, before + 3})
		same(t, "since the first", r.since(keys[0].Revision, 0, 9), keys[1:])
		same(t, "a page", r.since(before, 0, 1), keys[:1])
		same(t, "that end later", len(r.since(before, keys[0].ExpiresAt, 9)), 0)
	})

	t.Run("a key is replaced in one transaction, and only once", func(t *testing.T) {
		old, next := *keys[0], r.key("ann")
		old.RevokedAt, old.RevokedBy, next.Replaces = r.at+1, "root", old.ID
		revision := r.commit(&old, next)
		same(t, "both", r.since(revision-1, 0, 9), bothOf(&old, next))
		same(t, "by what it replaces", r.found(core.StaffKeyFilter{Replaces: old.ID}), []*core.StaffKey{next})
		again := r.key("ann")
		again.Replaces = old.ID
		_, err := r.ChangeStaffKeys(t.Context(), r.change(&old, again))
		wantConflict(t, err)
		same(t, "revision after a refusal", r.revision(), revision)
		*keys[0] = old
	})

	t.Run("a key that has changed meanwhile, another brand's, or one whose digest is taken is a conflict that changes nothing", func(t *testing.T) {
		stale, foreign, twin := *keys[1], *keys[1], r.key("eve")
		stale.Revision--
		foreign.Brand, twin.SHA256 = unique("brand"), keys[1].SHA256
		for _, change := range []*core.StaffKeyChange{r.change(&stale, nil), r.change(&foreign, nil), r.change(nil, twin)} {
			_, err := r.ChangeStaffKeys(t.Context(), change)
			wantConflict(t, err)
		}
		same(t, "the key", r.found(core.StaffKeyFilter{ID: keys[1].ID}), keys[1:2])
	})

	t.Run("sessions that ended long ago are forgotten at the next change, API keys are not", func(t *testing.T) {
		session := r.key("cid")
		session.Kind = core.StaffKeySession
		r.commit(nil, session)
		change := r.change(nil, r.key("cid"))
		change.Forget = session.ExpiresAt
		_, err := r.ChangeStaffKeys(t.Context(), change)
		must(t, err)
		same(t, "one that has just ended", len(r.found(core.StaffKeyFilter{ID: session.ID})), 1)
		change = r.change(nil, r.key("cid"))
		change.Forget = session.ExpiresAt + 1
		_, err = r.ChangeStaffKeys(t.Context(), change)
		must(t, err)
		same(t, "one that ended before", len(r.found(core.StaffKeyFilter{ID: session.ID})), 0)
		same(t, "API keys as old", len(r.found(core.StaffKeyFilter{ID: keys[1].ID})), 1)
	})
}

// bothOf are the keys in the order in which one change lists them: by id, since they have one revision.
func bothOf(keys ...*core.StaffKey) []*core.StaffKey {
	sorted := slices.Clone(keys)
	slices.SortFunc(sorted, compareIDs)
	return sorted
}

func testStaffKeyBounds(t *testing.T, store Store) {
	r := newKeyring(t, store)
	r.at += 1000 * 24 * 60 * minute // what other tests made has ended by then
	r.make("ann", "bob")
	session := r.key("ann")
	session.Kind = core.StaffKeySession
	r.commit(nil, session)
	other := newKeyring(t, store)
	other.at = r.at
	other.make("ann")
	for name, bounds := range map[string]core.StaffKeyBounds{
		"of all":                      {All: 4, Brand: 9, Person: 9},
		"of the brand":                {All: 9, Brand: 3, Person: 9},
		"of the person and kind":      {All: 9, Brand: 9, Person: 1},
		"of all, also for a newcomer": {All: 4, Brand: 9, Person: 9},
	} {
		t.Run("there are no more keys than the bound "+name, func(t *testing.T) {
			change := r.change(nil, r.key("ann"))
			change.Bounds = bounds
			before := r.revision()
			_, err := r.ChangeStaffKeys(t.Context(), change)
			same(t, "code", core.CodeOf(err), core.CodeTooManyKeys)
			same(t, "revision", r.revision(), before)
		})
	}

	t.Run("a key that the same change ends makes room, and so does one that has expired", func(t *testing.T) {
		old := r.found(core.StaffKeyFilter{Person: "bob"})[0]
		old.RevokedAt, old.RevokedBy = r.at, "root"
		change := r.change(old, r.key("bob"))
		change.Bounds = core.StaffKeyBounds{All: 4, Brand: 3, Person: 1}
		_, err := r.ChangeStaffKeys(t.Context(), change)
		must(t, err)
		r.at += 10 * minute
		change = r.change(nil, r.key("bob"))
		change.Bounds = core.StaffKeyBounds{All: 1, Brand: 1, Person: 1}
		_, err = r.ChangeStaffKeys(t.Context(), change)
		must(t, err)
	})
}

func testStaffKeyConcurrency(t *testing.T, store Store) {
	r := newKeyring(t, store)
	r.at += 2000 * 24 * 60 * minute
	const tries, bound = 8, 5
	changes, errs := make([]*core.StaffKeyChange, tries), make([]error, tries)
	for i := range changes {
		changes[i] = r.change(nil, r.key("ann"))
		changes[i].Bounds.Brand = bound
	}
	before := r.revision()
	var group sync.WaitGroup
	for i, change := range changes {
		group.Go(func() { _, errs[i] = r.ChangeStaffKeys(t.Context(), change) })
	}
	group.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if core.CodeOf(err) != core.CodeTooManyKeys && !errors.Is(err, core.ErrConflict) {
			t.Errorf("an error of creating keys at once: %v", err)
		}
	}
	same(t, "keys made by as many as try at once", made, bound)
	same(t, "revision", r.revision(), before+bound)
	revisions := map[int64]bool{}
	for _, k := range r.since(before, 0, 99) {
		revisions[k.Revision] = true
	}
	same(t, "revisions, none twice", len(revisions), bound)
}
