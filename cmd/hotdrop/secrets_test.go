package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"hotdrop/api"
	"hotdrop/core"
)

// notSecret are the fields of a keys file that anybody may read.
func notSecret() []string {
	return []string{"id", "person", "role", "brand", "source", "sha256", "expires_at", "issuer", "audience", "redirect_url", "client_id"}
}

// secretsIn are the texts of a keys file that nobody else may read: whatever a field is, unless it is known to be harmless.
func secretsIn(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file any
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var secrets []string
	var collect func(name string, value any)
	collect = func(name string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for field, inner := range v {
				collect(field, inner)
			}
		case []any:
			for _, inner := range v {
				collect(name, inner)
			}
		case string:
			if !slices.Contains(notSecret(), name) {
				secrets = append(secrets, v)
			}
		}
	}
	collect("", file)
	return secrets
}

// spies collects what a deployment says to anybody: answers, logs, what commands print.
type spies struct {
	t       *testing.T
	secrets []string
	said    map[string]string // by who said it
}

// hear takes in what was said.
func (s *spies) hear(who, text string) { s.said[fmt.Sprintf("%s %d", who, len(s.said))] = text }

// search fails for every secret that was told, in whatever form a program could have printed it.
func (s *spies) search() {
	s.t.Helper()
	for i, secret := range s.secrets {
		forms := []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret))}
		if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_")); err == nil {
			forms = append(forms, hex.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw), fmt.Sprintf("%d", raw))
		}
		if half := len(secret) / 2; half >= 20 { // a part is too much, too
			forms = append(forms, secret[half:])
		}
		for who, text := range s.said {
			for _, form := range forms {
				if strings.Contains(text, form) {
					s.t.Errorf("secret %d (%.14s…) is told by %s:\n%.600s", i, secret, who, text)
				}
			}
		}
	}
}

// ask sends a request and hears the answer, headers and all.
func (s *spies) ask(request *http.Request) {
	s.t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.hear("the client", err.Error())
		return
	}
	text, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	var head bytes.Buffer
	_ = response.Header.Write(&head)
	s.hear(request.Method+" "+request.URL.Path, response.Status+"\n"+head.String()+string(text))
}

// request is one by somebody who shows the credential in many places where it does not belong.
func (s *spies) request(method, address, credential, body string) *http.Request {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+credential)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", "k")
	return request
}

// TestSecretsAreNeverTold has everybody show secrets wherever they can, rightly and wrongly, to servers that work and that do
// not, and searches everything that is answered, logged and printed for them.
func TestSecretsAreNeverTold(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "keys.json")
	elsewhere := filepath.Join(folder, "elsewhere.json") // another deployment's, shown to this one by mistake
	for _, file := range []string{path, elsewhere} {
		requireRun(t, folder, "keys", "new", file, "--brand", "xiaomi")
	}
	keys, err := api.LoadKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	token, err := keys.Sign(core.Principal{ID: "ann", Role: core.RoleShopper}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	const password = "correct-horse-battery-staple"
	s := &spies{t: t, said: map[string]string{}, secrets: append(slices.Concat(secretsIn(t, path), secretsIn(t, elsewhere)), token, password)}
	if len(s.secrets) < 16 {
		t.Fatalf("only %d secrets are known", len(s.secrets))
	}
	s.atWork(folder, path, token)
	s.broken(folder, path, password)
	s.search()
}

// atWork asks a server that works.
func (s *spies) atWork(folder, path, token string) {
	s.t.Helper()
	server := serve(s.t, folder, "--keys", path, "--log-level", "debug")
	credentials := append([]string{token, token[:len(token)-2], "hd_operator_", "no-such-key"}, s.secrets...)
	for _, credential := range credentials {
		for _, route := range []string{"/v1/campaigns", "/v1/orders", "/v1/wallet", "/v1/plugins", "/v1/campaigns/none/live", "/v1/none"} {
			s.ask(s.request(http.MethodGet, server.url+route, credential, ""))
		}
		s.ask(s.request(http.MethodGet, server.url+"/v1/campaigns?key="+url.QueryEscape(credential), credential, ""))
		s.ask(s.request(http.MethodPost, server.url+"/v1/campaigns/none/orders", credential, `{"sku":1,`))
		s.ask(s.request(http.MethodPost, server.url+"/v1/rules/check", credential, `{"rule":"}`))
		s.ask(s.request(http.MethodPost, server.url+"/v1/social/weibo/events", credential, `{}`))
		s.ask(s.request(http.MethodPut, server.url+"/v1/campaigns/none", credential, `campaign: [`))
	}
	for _, route := range []string{"/metrics", "/readyz", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2", "/debug/pprof/"} {
		s.ask(s.request(http.MethodGet, strings.TrimSuffix(server.line(s.t, "admin"), "/readyz")+route, token, ""))
	}
	for _, key := range s.secrets {
		for _, args := range [][]string{
			{"campaign", "get", "none", "--server", server.url}, {"campaign", "get", "none", "--server", "http://127.0.0.1:1"},
		} {
			s.command(folder, "HOTDROP_KEY="+key, args...)
		}
	}
	server.signal(s.t, syscall.SIGINT)
	s.hear("the banner", strings.Join(server.banner, "\n"))
	s.hear("the log", server.log())
}

// broken starts servers that cannot work.
func (s *spies) broken(folder, path, password string) {
	s.t.Helper()
	database := "postgres://hotdrop:" + password + "@127.0.0.1:1/none?sslmode=disable&connect_timeout=5"
	for _, args := range [][]string{
		{"serve", "--keys", path, "--database-url", database}, {"migrate", "--database-url", database}, {"audit", "--database-url", database},
		{"serve", "--keys", path, "--database-url", strings.Replace(database, ":1/", ":x/", 1)},
		{"serve", "--keys", path, "--database-url", strings.Replace(database, "sslmode=disable", "sslmode=none", 1)},
	} {
		s.command(folder, "", args...)
	}
	s.command(folder, "HOTDROP_DATABASE_URL="+database, "audit")
	whole, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"half.json":    whole[:len(whole)-20],
		"unknown.json": bytes.Replace(whole, []byte(`"token_secret"`), []byte(`"token_secrets"`), 1),
		"short.json":   bytes.Replace(whole, []byte(`"whsec_`), []byte(`"whsex_`), 1),
	} {
		broken := writeFile(s.t, folder, name, string(content))
		s.command(folder, "", "serve", "--keys", broken)
		s.command(folder, "", "keys", "sign", broken, "weibo")
	}
}

// command runs a command with a setting of its environment, "" for none, and hears what it prints.
func (s *spies) command(folder, setting string, args ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := hotdrop(ctx, folder, args...)
	if setting != "" {
		cmd.Env = append(cmd.Env, setting)
	}
	said, _ := cmd.CombinedOutput() // that it fails is the point
	s.hear("hotdrop "+args[0], string(said))
}
