package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotdrop/api"
)

func TestAServerThatCannotBeSpokenToIsToldFromOneThatIsNotThere(t *testing.T) {
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	plain, secure := httptest.NewServer(nothing), httptest.NewUnstartedServer(nothing)
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	_, address, _ := strings.Cut(secure.URL, "://")
	_, plainAddress, _ := strings.Cut(plain.URL, "://")
	for name, tt := range map[string]struct{ server, says string }{
		"a certificate that nobody trusts": {secure.URL, "is not trusted: set SSL_CERT_FILE"},
		"http to a port of https":          {"http://" + address, "speaks TLS: set --server to https://" + address},
		"https to a port of http":          {"https://" + plainAddress, "does not speak TLS: set --server to http://"},
		"no scheme":                        {address, `has no scheme: write http://` + address},
		"another scheme":                   {"ftp://" + address, "is no URL such as http://127.0.0.1:8080"},
		"nobody there":                     {"http://127.0.0.1:1", "no server answers at http://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := (&client{server: tt.server, key: "hd_x"}).do(t.Context(), http.MethodGet, "/v1/me", nil, nil)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, should say %q", err, tt.says)
			}
		})
	}
}

func TestAnAnswerThatIsNoneOfTLSCanStillBeRead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "a proxy says no, at some length")
	}))
	t.Cleanup(server.Close)
	_, err := (&client{server: server.URL, key: "hd_x"}).do(t.Context(), http.MethodGet, "/v1/me", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "a proxy says no, at some length") {
		t.Errorf("%v", err)
	}
}

func TestABadKeysFileIsRefusedBeforeThereIsADatabase(t *testing.T) {
	folder := t.TempDir()
	bad := writeFile(t, folder, "keys.json", `{"staff": 7}`)
	r := run(t, folder, "serve", "--keys", bad, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	if r.code == exitOK || !strings.Contains(r.stderr, "keys in ") {
		t.Errorf("exit %d\n%s", r.code, r.stderr)
	}
	if _, err := os.Stat(filepath.Join(folder, "data", "hotdrop.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a database: %v", err)
	}
}

func TestAKeyGoesToAnotherMachineEncryptedOrNotAtAll(t *testing.T) {
	for server, want := range map[string]string{
		"http://drop.example":                "--server https://drop.example, or --server-plain-http",
		"http://drop.example:8080/":          "--server https://drop.example:8080/, or --server-plain-http",
		"http://10.1.2.3:8080":               "could read the key",
		"http://127.0.0.1.evil.example":      "could read the key",
		"http://localhost.evil.example":      "could read the key",
		"http://127.0.0.1@evil.example":      "could read the key",
		"HTTP://drop.example":                "could read the key",
		"http://:8080":                       "is no URL",
		"https://drop.example":               "",
		"http://127.0.0.1:8080":              "",
		"http://127.9.9.9":                   "",
		"http://[::1]:8080":                  "",
		"http://localhost:8080":              "",
		"https://ann:pw@drop.example/behind": "",
	} {
		err := (&client{server: server, key: "k"}).checkServer()
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", server, err, want)
		}
	}
	if err := (&client{server: "http://drop.example", plain: true}).checkServer(); err != nil {
		t.Errorf("somebody who asked for it: %v", err)
	}
	r := do(t, "campaign", "get", "phone", "--server", "http://drop.example", "--key", "k")
	if r.code != exitUsage || !strings.Contains(r.stderr, "next: --server https://drop.example") {
		t.Errorf("code %d, %s", r.code, r.stderr)
	}
}

func TestTheKeyOfADemoGoesToThisMachineOnly(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("data", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := api.NewDemoKeys().Save(filepath.Join("data", demoKeysFile)); err != nil {
		t.Fatal(err)
	}
	if key, err := (&client{server: "http://127.0.0.1:8080"}).apiKey(); err != nil || !strings.HasPrefix(key, "hd_operator_") {
		t.Errorf("on this machine: %.12q, %v", key, err)
	}
	for _, server := range []string{"https://drop.example", "http://drop.example", "https://127.0.0.1.evil.example"} {
		if key, err := (&client{server: server, plain: true}).apiKey(); key != "" || err == nil || !strings.Contains(err.Error(), "HOTDROP_KEY") {
			t.Errorf("%s: %.12q, %v", server, key, err)
		}
	}
}

// Another port of the same host is what net/http sends credentials on to, and so is the same host without encryption.
func TestAKeyFollowsNoRedirect(t *testing.T) {
	var seen []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	named := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(named.Close)
	if _, err := (&client{server: named.URL, key: "hd_x"}).do(t.Context(), http.MethodGet, "/v1/me", nil, nil); err == nil || len(seen) != 0 {
		t.Errorf("it followed a redirect with %q: %v", seen, err)
	}
}
