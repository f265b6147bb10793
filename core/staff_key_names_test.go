package core_test

import (
	"strings"
	"testing"

	"hotdrop/core"
)

// TestABrandsAdministratorGivesNobodyTheNameOfAStranger: whoever could would put words into a stranger's mouth in the staff
// log, and could have two people counted as one where several have to agree.
func TestABrandsAdministratorGivesNobodyTheNameOfAStranger(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		k := newStaffKeys(t, s)
		k.StaffKeys = core.NewStaffKeys(core.StaffKeysOptions{Store: k.store, Now: k.clock.now, Listed: []core.Principal{
			{ID: "listed", Role: core.RolePlatform}, {ID: "xi", Role: core.RoleBrand, Brand: "xiaomi"}, {ID: "mo", Role: core.RoleBrand, Brand: "meizu"},
		}})
		must(t, k.Start(t.Context()))
		r := wants("pat")
		r.Role = core.RolePlatform
		pat, _ := k.create(r)
		r = wants("li")
		r.Brand = "xiaomi"
		k.create(r)
		_, err := k.Revoke(t.Context(), core.StaffKeyRevocation{Actor: root, Key: pat.ID, Reason: "left"})
		must(t, err)

		asMeizu := func(person string) (*core.StaffKey, error) {
			r := wants(person)
			r.Actor = meizuAdmin
			key, _, err := k.Create(t.Context(), r)
			return key, err
		}
		for _, name := range []string{"pat", "PAT", "li", "listed", "Listed", "xi"} {
			key, err := asMeizu(name)
			if core.CodeOf(err) != core.CodeNameTaken || key != nil || !strings.Contains(err.Error(), `could begin with "meizu."`) {
				t.Errorf("%s: %+v, %v", name, key, err)
			}
		}
		for _, name := range []string{"mo", "meizu.pat", "mia", "mia"} {
			if key, err := asMeizu(name); err != nil || key.Brand != "meizu" {
				t.Errorf("%s: %+v, %v", name, key, err)
			}
		}
		for _, name := range []string{"listed", "mia"} { // an administrator of every brand knows who that is
			k.create(wants(name))
		}
		_, err = asMeizu("mia")
		failsWith(t, err, core.CodeNameTaken)
	})
}

func TestAKeyThatIsReplacedKeepsItsNameAlsoWhereOthersHaveItToo(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		k := newStaffKeys(t, s)
		r := wants("olga")
		k.create(r)
		r.Brand = "meizu"
		key, _ := k.create(r)
		next, _, err := k.Rotate(t.Context(), core.StaffKeyRotation{Actor: meizuAdmin, Key: key.ID, Reason: "quarterly"})
		must(t, err)
		if next.Person != "olga" || next.Brand != "meizu" {
			t.Errorf("the new key: %+v", next)
		}
	})
}

func TestNobodyIsCalledAsTheSystemIs(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		for _, name := range []string{"system", "System", "SYSTEM", "demo", "Demo"} {
			_, _, err := newStaffKeys(t, s).Create(t.Context(), wants(name))
			failsWith(t, err, core.CodeInvalid)
		}
	})
}
