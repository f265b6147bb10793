package api

import (
	"testing"

	"hotdrop/core"
)

func TestNobodyInTheKeysFileIsNamedAsTheSystemOrNotAtAll(t *testing.T) {
	for _, person := range []string{"system", "System", "demo", "Demo"} {
		for name, named := range map[string]func(k *StaffKey){
			"by person": func(k *StaffKey) { k.Person = person },
			"by id":     func(k *StaffKey) { k.ID = person },
		} {
			key := newStaffKey("op", core.RoleOperator, "")
			named(&key)
			if _, err := (&Keys{Staff: []StaffKey{key}}).staff(); err == nil {
				t.Errorf("%s: %s was let in", name, person)
			}
		}
	}
	key := newStaffKey("", core.RoleOperator, "")
	if _, err := (&Keys{Staff: []StaffKey{key}}).staff(); err == nil {
		t.Error("nobody was let in")
	}
}

func TestAKeyInTheClearIsTheOneThatItsDigestIsOf(t *testing.T) {
	key, other := newStaffKey("op", core.RoleOperator, ""), newStaffKey("op", core.RoleOperator, "")
	if _, err := (&Keys{Staff: []StaffKey{key}}).staff(); err != nil {
		t.Error(err)
	}
	key.Key = other.Key
	if _, err := (&Keys{Staff: []StaffKey{key}}).staff(); err == nil {
		t.Error("the key of another digest was let in")
	}
	key.Key = ""
	if _, err := (&Keys{Staff: []StaffKey{key}}).staff(); err != nil {
		t.Error(err)
	}
}
