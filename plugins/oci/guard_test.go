package oci_test

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotdrop/plugins/oci"
)

const user, password = "ann", "correct-horse"

// asksFor is a registry behind a name and a password.
func asksFor(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, word, _ := r.BasicAuth()
		if name != user || subtle.ConstantTimeCompare([]byte(word), []byte(password)) == 0 {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func TestCredentialsComeFromTheFlagsOrTheDockerConfig(t *testing.T) {
	host := registry(t, asksFor)
	push := func(access oci.Access) error {
		access.PlainHTTP = true
		_, err := oci.Push(t.Context(), place(t, host+"/p:1", access), sample())
		return err
	}
	config := t.TempDir()
	t.Setenv("DOCKER_CONFIG", config)
	if err := push(oci.Access{}); err == nil || !strings.Contains(err.Error(), "the registry asks for credentials") {
		t.Errorf("without credentials: %v", err)
	}
	err := push(oci.Access{Username: user, Password: "wrong-horse"})
	if err == nil || !strings.Contains(err.Error(), "refuses the credentials (401)") || strings.Contains(err.Error(), "horse") {
		t.Errorf("with a wrong password: %v", err)
	}
	if err := push(oci.Access{Username: user, Password: password}); err != nil {
		t.Error(err)
	}
	word := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	text := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, word)
	if err := os.WriteFile(filepath.Join(config, "config.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := push(oci.Access{}); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(config, "config.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := push(oci.Access{}); err == nil || !strings.Contains(err.Error(), "the docker config") {
		t.Errorf("with a broken config: %v", err)
	}
}

// TestARegistryThatSendsOnIsFollowedAsFarAsItIsSafe has a registry redirect what is asked of it.
func TestARegistryThatSendsOnIsFollowedAsFarAsItIsSafe(t *testing.T) {
	var asked []string // what another host is told
	s := newStranger()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Authorization"))
		s.ServeHTTP(w, r)
	}))
	defer elsewhere.Close()
	sending := func(to func(r *http.Request) string) string {
		t.Helper()
		server := httptest.NewServer(asksFor(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, to(r), http.StatusTemporaryRedirect)
		})))
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	access := oci.Access{PlainHTTP: true, Username: user, Password: password}

	// Another name of the same machine is another host.
	other := strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)
	host := sending(func(r *http.Request) string { return other + r.URL.Path })
	a, err := oci.Pull(t.Context(), place(t, host+"/p:1", access))
	if err != nil || a.Digest() != sample().Digest() || len(asked) == 0 {
		t.Errorf("%v, %v, asked %d times", a, err, len(asked))
	}
	for _, credentials := range asked {
		if credentials != "" {
			t.Errorf("another host was told %s", credentials)
		}
	}
	host = sending(func(r *http.Request) string { return r.URL.Path })
	if _, err = oci.Pull(t.Context(), place(t, host+"/p:1", access)); err == nil || !strings.Contains(err.Error(), "again and again") {
		t.Errorf("in a circle: %v", err)
	}
}

// TestNothingIsSentUnencryptedUnlessAsked starts registries that encrypt and send on to, or name for tokens, one that does
// not.
func TestNothingIsSentUnencryptedUnlessAsked(t *testing.T) {
	var asked int
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer plain.Close()
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		want   string
	}{
		"it sends on": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, plain.URL, http.StatusFound)
		}, "which is not encrypted; --plain-http"},
		"its tokens": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+plain.URL+`/token",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		}, "uses http but registry was contacted over https"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewTLSServer(http.HandlerFunc(test.answer))
			defer server.Close()
			client, err := oci.Client(place(t, strings.TrimPrefix(server.URL, "https://")+"/p:1", oci.Access{Username: user, Password: password}))
			if err != nil {
				t.Fatal(err)
			}
			oci.Trust(client, server.Certificate())
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v2/p/manifests/1", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Do(request)
			if err == nil {
				response.Body.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), password) {
				t.Errorf("%v", err)
			}
		})
	}
	if asked != 0 {
		t.Errorf("%d requests were sent", asked)
	}
	_, err := oci.Pull(t.Context(), place(t, strings.TrimPrefix(plain.URL, "http://")+"/p:1", oci.Access{}))
	if err == nil || !strings.Contains(err.Error(), "the registry does not encrypt; --plain-http") {
		t.Errorf("a registry without encryption: %v", err)
	}
}
