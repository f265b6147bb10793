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

// notary keeps the heads that are posted to it, unless it is told to answer otherwise.
func notary(t *testing.T, answer func(w http.ResponseWriter, r *http.Request) bool) (server *httptest.Server, kept *[]string) {
	t.Helper()
	kept = new([]string)
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer != nil && answer(w, r) {
			return
		}
		head, _ := io.ReadAll(r.Body)
		*kept = append(*kept, r.Method+" "+r.Header.Get("Content-Type")+" "+string(head))
	}))
	t.Cleanup(server.Close)
	return server, kept
}

// sinkTo opens the target; private says that loopback is allowed.
func sinkTo(t *testing.T, to string, private bool) headSink {
	t.Helper()
	s := headSettings{to: to, every: leastHeadInterval}
	if private {
		s.allowed = []string{"127.0.0.0/8", "::1/128"}
	}
	sink, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	return sink
}

func TestHeadsArePostedToWhoKeepsThem(t *testing.T) {
	server, kept := notary(t, nil)
	sink := sinkTo(t, server.URL+"/heads?token=correct-horse", true)
	if err := sink.put(t.Context(), []byte(`{"seq":7}`)); err != nil {
		t.Fatal(err)
	}
	if len(*kept) != 1 || (*kept)[0] != `POST application/json {"seq":7}` {
		t.Errorf("kept %q", *kept)
	}
	if name := sink.name(); name != server.URL+"/heads" {
		t.Errorf("it is called %s", name)
	}
}

func TestAHeadThatNobodyKeepsIsAnErrorWithoutSecrets(t *testing.T) {
	failing, _ := notary(t, func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusInsufficientStorage)
		return true
	})
	other, kept := notary(t, nil)
	leading, _ := notary(t, func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, other.URL, http.StatusPermanentRedirect)
		return true
	})
	secret := func(server *httptest.Server) string {
		return strings.Replace(server.URL, "http://", "http://user:correct-horse@", 1) + "/heads?token=battery-staple"
	}
	for name, tt := range map[string]struct {
		to      string
		private bool
		says    string
	}{
		"a server without room":        {secret(failing), true, "/heads answers 507"},
		"one that leads elsewhere":     {secret(leading), true, "/heads answers 308"},
		"one inside":                   {secret(other), false, "the address is private: 127.0.0.1"},
		"one that is not there at all": {"http://user:correct-horse@127.0.0.1:1/heads?token=battery-staple", true, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			err := sinkTo(t, tt.to, tt.private).put(t.Context(), []byte(`{}`))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("%v, should say %q", err, tt.says)
			}
			if text := err.Error(); strings.Contains(text, "correct-horse") || strings.Contains(text, "battery-staple") {
				t.Errorf("it tells a secret: %s", text)
			}
		})
	}
	if len(*kept) > 0 {
		t.Errorf("a redirect was followed: %q", *kept)
	}
}

func TestWhereHeadsGoIsCheckedAtTheStart(t *testing.T) {
	for name, tt := range map[string]struct {
		settings headSettings
		says     string
	}{
		"a file":                        {headSettings{to: "heads.jsonl"}, ""},
		"a URL":                         {headSettings{to: "https://notary.example/heads"}, ""},
		"a URL without TLS":             {headSettings{to: "http://notary.example/heads"}, "begins with https://"},
		"one inside":                    {headSettings{to: "http://10.1.2.3/heads", allowed: []string{"10.0.0.0/8"}}, ""},
		"a network that is none":        {headSettings{allowed: []string{"10.0.0.0/33"}}, "is not a network"},
		"an address without its length": {headSettings{allowed: []string{"10.0.0.1"}}, "is not a network"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.settings.every = leastHeadInterval
			err := tt.settings.check()
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, should say %q", err, tt.says)
			}
			if _, usage := errors.AsType[usageError](err); err != nil && !usage {
				t.Errorf("%v is no mistake of the command line", err)
			}
		})
	}
}

func TestAHeadBehindHalfALineBeginsItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heads.jsonl")
	if err := os.WriteFile(path, []byte(`{"seq":1}`+"\n"+`{"se`), 0o600); err != nil {
		t.Fatal(err)
	}
	sink := sinkTo(t, path, false)
	if err := sink.put(t.Context(), []byte(`{"seq":2}`)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"seq":1}` + "\n" + `{"se` + "\n" + `{"seq":2}` + "\n"; string(text) != want {
		t.Errorf("the file is %q", text)
	}
}
