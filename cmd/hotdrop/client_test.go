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
