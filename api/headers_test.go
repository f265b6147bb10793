package api

import (
	"crypto/tls"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// everyRoute is each path that the router knows, with something in place of its parameters, by method.
func everyRoute(s *Server) map[string][]string {
	parameter := regexp.MustCompile(`:[^/]+|\*`)
	routes := map[string][]string{}
	for _, r := range s.routes.echo.Routes() {
		if r.Method != echo.RouteNotFound {
			routes[parameter.ReplaceAllString(r.Path, "x")] = append(routes[parameter.ReplaceAllString(r.Path, "x")], r.Method)
		}
	}
	return routes
}

// wantsHeaders are what every answer of a page carries.
func wantsHeaders() map[string]string {
	return map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	}
}

func TestEveryPageAndRouteIsSentWithTheHeadersThatProtectIt(t *testing.T) {
	o := newOffice(t, false)
	routes := everyRoute(o.server)
	pages := 0
	for _, extra := range []string{"/console/login", "/console/callback", "/console/logout", "/console/console.css", "/nothing", "/docs/nothing"} {
		routes[extra] = []string{http.MethodGet, http.MethodPost}
	}
	for path, methods := range maps.All(routes) {
		for _, method := range methods {
			header := head(o.server, method, path)
			if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Strict-Transport-Security") == "" {
				t.Errorf("%s %s: %v", method, path, header)
			}
			if strings.HasPrefix(path, "/v1") {
				if header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s %s may be kept", method, path)
				}
				continue
			}
			pages++
			for name, want := range wantsHeaders() {
				if header.Get(name) != want {
					t.Errorf("%s %s: %s is %q", method, path, name, header.Get(name))
				}
			}
			checkPolicy(t, method+" "+path, header.Get("Content-Security-Policy"))
		}
	}
	if pages < 20 {
		t.Errorf("only %d answers of pages were looked at", pages)
	}
}

// head returns the headers of the answer to a request that came encrypted.
func head(s *Server, method, path string) http.Header {
	request := httptest.NewRequest(method, "https://drop.example"+path, http.NoBody)
	request.TLS = &tls.ConnectionState{}
	recorder := httptest.NewRecorder()
	s.Handler().ServeHTTP(recorder, request)
	return recorder.Header()
}

// checkPolicy refuses a policy that lets a page run or load what was not written into this service.
func checkPolicy(t *testing.T, what, policy string) {
	t.Helper()
	said := map[string]string{}
	for directive := range strings.SplitSeq(policy, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), " ")
		said[name] = value
	}
	for name, want := range map[string]string{
		"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'",
		"form-action": "'self'",
	} {
		if said[name] != want {
			t.Errorf("%s: %s is %q", what, name, said[name])
		}
	}
	for _, hole := range []string{"unsafe", "*", "data:", "blob:", "http"} {
		if strings.Contains(policy, hole) {
			t.Errorf("%s: the policy has %s: %s", what, hole, policy)
		}
	}
}

// A policy that a page breaks would be loosened one day: so no page has anything in it that the policy forbids.
func TestNoPageHasWhatItsPolicyForbids(t *testing.T) {
	o := newOffice(t, false)
	inline := regexp.MustCompile(`(?i)<script(?:[^>]*>[^<]|>)|<style|\son[a-z]+=|\sstyle=|javascript:|(?:src|href|action)="(?:https?:)?//`)
	for _, path := range []string{"/docs", "/console", "/console/callback", "/problems/denied", "/console/nothing"} {
		b := o.newBrowser()
		a := b.get(path, "Accept", "text/html")
		if found := inline.FindString(a.body); found != "" {
			t.Errorf("%s has %q", path, found)
		}
		if strings.HasPrefix(path, "/console") && a.status == http.StatusOK && a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept", path)
		}
	}
}

func TestInTheClearNobodyIsToldToComeEncrypted(t *testing.T) {
	_, _, c := newScripted(t, false)
	if a := c.do(http.MethodGet, "/docs", ""); a.header.Get("Strict-Transport-Security") != "" {
		t.Error("a service without certificate sends people away")
	}
}
