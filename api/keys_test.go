package api

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

func TestKeysSurviveTheirFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "demo-keys.json")
	keys := NewDemoKeys("xiaomi", "meizu")
	for range 2 { // the second time it replaces the file
		if err := keys.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	loaded, err := LoadKeys(path)
	if err != nil || !reflect.DeepEqual(keys, loaded) {
		t.Fatalf("loaded %+v, %v", loaded, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestKeysThatCannotBeSavedLeaveNothingBehind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := NewDemoKeys().Save(path); err == nil {
		t.Error("a folder was replaced")
	}
	if err := NewDemoKeys().Save(filepath.Join(dir, "no", "such")); err == nil {
		t.Error("saved into nowhere")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestKeyFilesThatMeanNothingAreRefused(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	secret := `"token_secret":"` + strings.Repeat("A", 44) + `"`
	cases := map[string]string{
		"no JSON":               `nonsense`,
		"an unknown field":      `{` + secret + `,"staf":[]}`,
		"a short secret":        `{"token_secret":"QUJD","staff":[]}`,
		"an unknown role":       `{` + secret + `,"staff":[{"id":"a","role":"root","sha256":"` + digest + `"}]}`,
		"a shopper as staff":    `{` + secret + `,"staff":[{"id":"a","role":"shopper","sha256":"` + digest + `"}]}`,
		"a brand without brand": `{` + secret + `,"staff":[{"id":"a","role":"brand","sha256":"` + digest + `"}]}`,
		"no id":                 `{` + secret + `,"staff":[{"role":"operator","sha256":"` + digest + `"}]}`,
		"a digest cut short":    `{` + secret + `,"staff":[{"id":"a","role":"operator","sha256":"abcd"}]}`,
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	for name, file := range cases {
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKeys(path); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := LoadKeys(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is missing: %v", err)
	}
	if _, err := New(Options{Keys: &Keys{}}); err == nil {
		t.Error("a server without secret")
	}
}

func TestStaffKeysHaveTheirShape(t *testing.T) {
	for _, key := range NewDemoKeys("xiaomi").Staff {
		if !staffKeyPattern.MatchString(key.Key) || !strings.HasPrefix(key.Key, "hd_"+string(key.Role)+"_") {
			t.Errorf("%s is %q", key.ID, key.Key)
		}
	}
}

func TestNobodyCannotBeSigned(t *testing.T) {
	keys := NewDemoKeys()
	for _, p := range []core.Principal{{}, {ID: "a"}, {ID: "a b", Role: core.RoleShopper}, {ID: "x", Role: core.RoleBrand}} {
		if _, err := keys.Sign(p, time.Hour); core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestTheSecretsOfSocialSourcesHaveTheirShape(t *testing.T) {
	keys := NewDemoKeys()
	if len(keys.Social) != 1 || keys.Social[0].Source != "weibo" || !strings.HasPrefix(keys.Social[0].Secret, "whsec_") {
		t.Errorf("new keys have the sources %+v", keys.Social)
	}
	good := base64.StdEncoding.EncodeToString(make([]byte, 24))
	for name, broken := range map[string]SocialKey{
		"no secret":           {Source: "weibo"},
		"no mark":             {Source: "weibo", Secret: good},
		"no base64":           {Source: "weibo", Secret: "whsec_!"},
		"too short":           {Source: "weibo", Secret: "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23))},
		"too long":            {Source: "weibo", Secret: "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65))},
		"no name":             {Secret: "whsec_" + good},
		"a name with a slash": {Source: "demo/weibo", Secret: "whsec_" + good},
	} {
		keys.Social = []SocialKey{broken}
		if _, err := New(Options{Engine: &scripted{}, Keys: keys}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	keys.Social = []SocialKey{{Source: "weibo", Secret: "whsec_" + good}}
	if _, err := keys.SignEvents("weibo", "id", time.Now(), nil); err != nil {
		t.Error(err)
	}
	if _, err := keys.SignEvents("douyin", "id", time.Now(), nil); err == nil {
		t.Error("signed for a source without a secret")
	}
}

func TestKeysWithoutSocialSourcesLetNoSourceIn(t *testing.T) {
	keys := NewDemoKeys()
	with := *keys
	keys.Social = nil
	s, _ := newServer(t, Options{Engine: &scripted{}, Keys: keys})
	newSigned(t, &with, time.Now(), oneEvent).send(t, s).problem(t, CodeUnauthorized)
}

func TestKeysThatOthersMayReadAreRefusedWithWhatToRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "demo keys.json")
	if err := NewDemoKeys().Save(path); err != nil {
		t.Fatal(err)
	}
	for mode, good := range map[os.FileMode]bool{
		0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o620: false, 0o644: false, 0o601: false,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadKeys(path)
		if good != (err == nil) || !good && !strings.Contains(err.Error(), `run chmod 600 "`+path+`"`) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func TestAKeyThatStandsInTheFileTwiceIsRefusedWithBothPlaces(t *testing.T) {
	digest, other := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	path := filepath.Join(t.TempDir(), "keys.json")
	file := func(second string) string {
		return "{\n  \"token_secret\": \"" + strings.Repeat("A", 44) + "\", \"social\": null,\n  \"staff\": [\n    {\"id\": \"a\",\n     \"role\": \"operator\", \"sha256\": \"" +
			digest + "\"},\n    {\"id\": \"b\", \"role\": \"auditor\", \"sha256\": \"" + other + "\"},\n\n    " + second + "]}\n"
	}
	for second, want := range map[string]string{
		`{"id": "c", "role": "admin", "sha256": "` + strings.ToUpper(digest) + `"}`:  `staff[0] in line 4 and staff[2] in line 8 have the same sha256`,
		`{"id": "b", "role": "admin", "sha256": "` + strings.Repeat("ef", 32) + `"}`: `staff[1] in line 6 and staff[2] in line 8 have the same id "b"`,
		`{"id": "c", "role": "admin", "sha256": "` + strings.Repeat("ef", 32) + `"}`: "",
	} {
		if err := os.WriteFile(path, []byte(file(second)), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := LoadKeys(path)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", second, err)
		}
	}
}

func TestTheFirstPeopleOfADeploymentAreNoDemos(t *testing.T) {
	ids := func(keys *Keys) (ids []string) {
		for _, p := range keys.People() {
			ids = append(ids, p.ID)
		}
		return ids
	}
	if got, want := ids(NewKeys("meizu", "meizu", "admin")), "operator operator-2 platform platform-2 auditor admin brand-meizu brand-admin"; strings.Join(got, " ") != want {
		t.Errorf("they are %q", got)
	}
	if got, want := ids(NewDemoKeys("meizu")), "demo-operator demo-operator-2 demo-platform demo-platform-2 demo-auditor demo-admin demo-meizu"; strings.Join(got, " ") != want {
		t.Errorf("a demo's are %q", got)
	}
}
