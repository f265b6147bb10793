package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Another port of the same host is what net/http sends credentials on to, and so is the same host without encryption.
func TestTheKeyGoesToTheServerThatWasNamedAndNowhereElse(t *testing.T) {
	seen := ""
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("Authorization")
		_, _ = w.Write([]byte(`{}`))
	}))
	defer elsewhere.Close()
	named := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer named.Close()
	c := &client{server: named.URL, key: "hd_operator_secret"}
	if _, err := c.do(t.Context(), http.MethodGet, "/v1/keys", nil, nil); err == nil || seen != "" {
		t.Errorf("it followed a redirect with %q: %v", seen, err)
	}
}
