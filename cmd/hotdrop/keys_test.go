package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hotdrop/api"
	"hotdrop/core"
)

// earlierKeys writes the keys of a release that knew no social sources, and one person in each role.
func earlierKeys(t *testing.T) (path string, keys *api.Keys) {
	t.Helper()
	path = filepath.Join(t.TempDir(), demoKeysFile)
	keys = api.NewDemoKeys("xiaomi")
	keys.Social = nil
	keys.Staff = slices.DeleteFunc(keys.Staff, func(k api.StaffKey) bool {
		return k.Role == core.RoleAuditor || strings.HasSuffix(k.ID, "-2")
	})
	if err := keys.Save(path); err != nil {
		t.Fatal(err)
	}
	return path, keys
}

func TestTheDemosKeysOfAnEarlierReleaseGetASocialSecretAndPeopleOnce(t *testing.T) {
	path, earlier := earlierKeys(t)
	first, err := loadOrMakeKeys(path, []string{"xiaomi"}, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Social) != 1 || first.Social[0].Source != "weibo" || !reflect.DeepEqual(first.Staff[:len(earlier.Staff)], earlier.Staff) ||
		!reflect.DeepEqual(first.TokenSecret, earlier.TokenSecret) {
		t.Errorf("the keys became %+v", first)
	}
	var added []string
	for _, key := range first.Staff[len(earlier.Staff):] {
		added = append(added, key.ID)
	}
	if want := []string{"demo-operator-2", "demo-platform-2", "demo-auditor"}; !slices.Equal(added, want) {
		t.Errorf("the people %q were added, not %q", added, want)
	}
	again, err := loadOrMakeKeys(path, []string{"xiaomi"}, true)
	if err != nil || !reflect.DeepEqual(again, first) {
		t.Errorf("the second time: %v, %+v", err, again)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v: the file's mode is %v", err, info.Mode())
	}
}

func TestAKeysFileThatSomebodyNamesStaysAsItIs(t *testing.T) {
	path, earlier := earlierKeys(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := loadOrMakeKeys(path, nil, false)
	after, readErr := os.ReadFile(path)
	if errors.Join(err, readErr) != nil || !reflect.DeepEqual(keys, earlier) || !bytes.Equal(after, before) {
		t.Errorf("%v %v: %s", err, readErr, after)
	}
}
