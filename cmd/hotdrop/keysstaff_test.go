package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hotdrop/api"
	"hotdrop/core"
)

func TestASecondOperatorGetsAKeyFromTheCommandLine(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	keys := demoKeys(t, folder+"/data")
	admin := []string{"--server", s.url, "--key", keyOf(keys, core.RoleAdmin)}
	here := func(arguments ...string) (stdout, stderr string, code int) {
		r := run(t, folder, arguments...)
		return r.stdout, r.stderr, r.code
	}
	asAdmin := func(arguments ...string) (stdout, stderr string, code int) {
		return here(append(arguments, admin...)...)
	}

	out, talk, code := asAdmin("keys", "create", "olga", "--role", "operator", "--ttl", "30d", "--reason", "second operator")
	secret := strings.TrimSpace(out)
	if code != 0 || !strings.HasPrefix(secret, "hd_operator_") || strings.Contains(talk, secret) || !strings.Contains(talk, "for olga, operator") {
		t.Fatalf("create: %d %q %q", code, out, talk)
	}
	out, _, code = asAdmin("keys", "list", "-o", "json")
	var page api.Page[api.Key]
	if err := json.Unmarshal([]byte(out), &page); err != nil || code != 0 || len(page.Data) != 1+len(keys.Staff) ||
		page.Data[0].From != api.KeyOfServer || page.Data[1].From != api.KeyOfFile {
		t.Fatalf("list: %d %v %s", code, err, out)
	}
	id := page.Data[0].ID
	if left := time.Until(page.Data[0].ExpiresAt); left < 29*24*time.Hour || left > 30*24*time.Hour {
		t.Errorf("it works for %s", left)
	}
	out, _, code = here("keys", "rotate", id, "--reason", "quarterly", "--server", s.url, "--key", secret)
	next := strings.TrimSpace(out)
	if code != 0 || next == secret || !strings.HasPrefix(next, "hd_operator_") {
		t.Fatalf("rotate: %d %q", code, out)
	}
	if _, talk, code = here("keys", "list", "--server", s.url, "--key", secret); code != 1 || !strings.Contains(talk, "not valid") {
		t.Errorf("the old key: %d %q", code, talk)
	}
	out, _, code = here("keys", "list", "--server", s.url, "--key", next)
	if code != 0 || !strings.Contains(out, "olga") || strings.Contains(out, id) || strings.Contains(out, next) {
		t.Errorf("olga's keys: %d\n%s", code, out)
	}
	last := strings.Fields(strings.Split(out, "\n")[1])[0]
	if out, talk, code = asAdmin("keys", "revoke", last, "--reason", "she left"); code != 0 || !strings.HasPrefix(out, "revoked  "+last) {
		t.Errorf("revoke: %d %q %q", code, out, talk)
	}
	out, _, _ = asAdmin("keys", "list")
	if strings.Contains(out, "olga") || !regexp.MustCompile(`(?m)^demo-operator-2 +file +active +demo-operator-2 +operator +- +never +-$`).MatchString(out) {
		t.Errorf("keys that work: %s", out)
	}
	if out, _, _ = asAdmin("keys", "list", "--all", "--person", "olga"); strings.Count(out, "revoked") != 2 {
		t.Errorf("all of olga's keys: %s", out)
	}
}

func TestAKeyThatIsNotThereOrOfNoBrandThatSellsIsSaidToBe(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	asAdmin := func(arguments ...string) result {
		return run(t, folder, append(arguments, "--server", s.url, "--reason", "r")...)
	}
	for _, verb := range []string{"rotate", "revoke"} {
		r := asAdmin("keys", verb, "key.06fmxw9z3k8q7v5t2s1r0p4n6m")
		if r.code != exitFailed || !strings.Contains(r.stderr, "there is no key key.06fmxw9z3k8q7v5t2s1r0p4n6m\nnext: hotdrop keys list --all\n") {
			t.Errorf("%s: %d %s", verb, r.code, r.stderr)
		}
		if r := asAdmin("keys", verb, "demo-operator"); !strings.Contains(r.stderr, "stands in the keys file: take it out there") {
			t.Errorf("%s of a key of the file: %s", verb, r.stderr)
		}
	}
	for brand, warned := range map[string]bool{"meizu": false, "meizo": true} {
		r := asAdmin("keys", "create", "mei@"+brand, "--role", "brand", "--brand", brand)
		if r.code != exitOK || strings.Contains(r.stderr, "warning: no campaign is of the brand "+brand+" yet") != warned {
			t.Errorf("%s: %d %s", brand, r.code, r.stderr)
		}
	}
}

func TestTheFirstKeysLastAsLongAsThoseThatAreMadeLater(t *testing.T) {
	folder := t.TempDir()
	for _, text := range []string{"0", "59s", "401d"} {
		for _, args := range [][]string{{"keys", "new", "keys.json"}, {"keys", "create", "olga", "--role", "operator", "--reason", "r"}} {
			r := run(t, folder, append(args, "--ttl", text)...)
			if r.code != exitUsage || !strings.Contains(r.stderr, "--ttl: an API key works for a minute at least, and for 400 days at most") {
				t.Errorf("%v for %s: %d %s", args, text, r.code, r.stderr)
			}
		}
	}
	if r := run(t, folder, "keys", "new", "keys.json", "--brand", "Mei Zu"); r.code != exitUsage {
		t.Errorf("a brand that cannot be: %d %s", r.code, r.stderr)
	}
	requireRun(t, folder, "keys", "new", "keys.json", "--brand", "meizu,meizu")
	keys, err := api.LoadKeys(filepath.Join(folder, "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys.Staff {
		if left := time.Until(key.ExpiresAt); left < core.DefaultStaffKeyTTL-time.Hour || left > core.DefaultStaffKeyTTL || strings.HasPrefix(key.ID, "demo-") {
			t.Errorf("%s works for %s", key.ID, left)
		}
	}
	for _, verb := range []string{"new", "create"} {
		if help := requireRun(t, folder, "keys", verb, "--help"); !strings.Contains(help, "at most (default 90d)") {
			t.Errorf("%s: %s", verb, help)
		}
	}
}

func TestLifetimesAreReadInDaysToo(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90d": 90 * 24 * time.Hour, "12h": 12 * time.Hour, "0": 0, "1h30m": 90 * time.Minute, "0d": 0,
	} {
		var l lifetime
		if err := l.Set(text); err != nil || time.Duration(l) != want {
			t.Errorf("%s is %s, %v", text, time.Duration(l), err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "-1h", "1.5d", "70000d", "500ms", "soon"} {
		var l lifetime
		if err := l.Set(text); err == nil {
			t.Errorf("%q is %s", text, time.Duration(l))
		}
	}
}
