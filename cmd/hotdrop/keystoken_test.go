package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotdrop/api"
)

func TestATokenOfTheKeysFileLetsAShopperInWhereThatFileIsRead(t *testing.T) {
	folder := t.TempDir()
	made := run(t, folder, "keys", "new", "keys.json")
	if made.code != exitOK || !strings.Contains(made.stderr, "hotdrop serve --keys keys.json") || !strings.Contains(made.stderr, "hotdrop keys create") {
		t.Fatalf("exit %d, and what comes next is not in\n%s", made.code, made.stderr)
	}
	s := serve(t, folder, "--keys", "keys.json", "--data", "data")
	if banner := strings.Join(s.banner, "\n"); !strings.Contains(banner, "hotdrop keys create") || !strings.Contains(banner, "keys token keys.json") {
		t.Errorf("the server says where it is, and not what comes next:\n%s", banner)
	}
	token := strings.TrimSpace(requireRun(t, folder, "keys", "token", "keys.json", "ann", "--tier", "gold", "--tag", "staff", "--ttl", "1d"))
	me := request(t, http.StatusOK, http.MethodGet, s.url+"/v1/me", token, "", "")
	for _, want := range []string{`"ann"`, `"shopper"`} {
		if !strings.Contains(me.text, want) {
			t.Errorf("it is not %s: %s", want, me.text)
		}
	}
	requireRun(t, folder, "keys", "new", "other.json")
	stranger := strings.TrimSpace(requireRun(t, folder, "keys", "token", "other.json", "ann"))
	request(t, http.StatusUnauthorized, http.MethodGet, s.url+"/v1/me", stranger, "", "")
}

func TestATokenThatNobodyCouldUseIsNotSigned(t *testing.T) {
	folder := t.TempDir()
	requireRun(t, folder, "keys", "new", "keys.json")
	keys, err := api.LoadKeys(filepath.Join(folder, "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	keys.TokenSecret = nil
	if err := keys.Save(filepath.Join(folder, "secretless.json")); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"a shopper without a name":             {[]string{"keys.json", ""}, "an id of 1 to 128 visible characters"},
		"a token that is over before it began": {[]string{"keys.json", "ann", "--ttl", "0s"}, "at least a second"},
		"a deployment without tokens":          {[]string{"secretless.json", "ann"}, "token_secret is needed"},
		"a keys file that is not there":        {[]string{"none.json", "ann"}, "none.json"},
	} {
		t.Run(name, func(t *testing.T) {
			got := run(t, folder, append([]string{"keys", "token"}, c.args...)...)
			if got.code == exitOK || got.stdout != "" || !strings.Contains(got.stderr, c.says) {
				t.Errorf("exit %d, %q, %s", got.code, got.stdout, got.stderr)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(folder, "none.json")); err == nil {
		t.Error("a keys file was made")
	}
}
