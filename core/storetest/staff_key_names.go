package storetest

import (
	"strings"
	"sync"
	"testing"

	"hotdrop/core"
)

// unshared is a change that makes a key whose person must have the name alone.
func (r *keyring) unshared(person string) *core.StaffKeyChange {
	change := r.change(nil, r.key(person))
	change.Unshared = true
	return change
}

func testStaffKeyNames(t *testing.T, store Store) {
	here, there, everywhere := newKeyring(t, store), newKeyring(t, store), newKeyring(t, store)
	everywhere.brand = ""
	name := unique("person")

	t.Run("a name is one's own as long as nobody outside the brand has it", func(t *testing.T) {
		for range 2 { // a second key of the same person
			_, err := here.ChangeStaffKeys(t.Context(), here.unshared(name))
			must(t, err)
		}
	})

	t.Run("another brand's or everybody's name is refused in any case, live or ended, and nothing is changed", func(t *testing.T) {
		platform := unique("person")
		ended := everywhere.make(platform)[0]
		ended.RevokedAt, ended.RevokedBy = everywhere.at, "root"
		everywhere.commit(ended, nil)
		for _, taken := range []string{name, strings.ToUpper(name), platform} {
			before := there.revision()
			_, err := there.ChangeStaffKeys(t.Context(), there.unshared(taken))
			same(t, "code for "+taken, core.CodeOf(err), core.CodeNameTaken)
			same(t, "revision", there.revision(), before)
		}
		same(t, "keys", len(there.found(core.StaffKeyFilter{})), 0)
	})

	t.Run("who may share a name does", func(t *testing.T) {
		there.make(name)
		same(t, "keys", len(there.found(core.StaffKeyFilter{Person: name})), 1)
	})

	t.Run("of two brands that take a name at once one has it", func(t *testing.T) { testRaceForAName(t, here, there) })
}

// testRaceForAName has two brands make a key in one name at the same time.
func testRaceForAName(t *testing.T, brands ...*keyring) {
	t.Helper()
	for range 10 {
		name, errs := unique("person"), make([]error, len(brands))
		var group sync.WaitGroup
		for i, r := range brands {
			change := r.unshared(name)
			group.Go(func() { _, errs[i] = r.ChangeStaffKeys(t.Context(), change) })
		}
		group.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
			} else {
				same(t, "code of the other", core.CodeOf(err), core.CodeNameTaken)
			}
		}
		same(t, "keys made", made, 1)
	}
}
