package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestADemoAnswersToTheNamesOfThisMachineAlone asks as a page on the web would that has its own name resolve to this machine.
func TestADemoAnswersToTheNamesOfThisMachineAlone(t *testing.T) {
	for _, demo := range []bool{true, false} {
		_, s, _ := newScripted(t, demo)
		status := func(host string) (int, string) {
			request := httptest.NewRequest(http.MethodPost, tokensPath, strings.NewReader(`{"role":"admin","id":"eve"}`))
			request.Host = host
			request.Header.Set("Content-Type", "application/json")
			recorder := httptest.NewRecorder()
			s.HTTPServer().Handler.ServeHTTP(recorder, request)
			return recorder.Code, recorder.Body.String()
		}
		for host, own := range map[string]bool{
			"localhost": true, "LocalHost:8080": true, "127.0.0.1": true, "127.0.0.1:8080": true, "127.8.9.1:1": true, "[::1]": true,
			"[::1]:8080": true, "evil.example": false, "evil.example:8080": false, "localhost.evil.example": false, "192.168.1.1": false,
			"127.0.0.1.evil.example:80": false, "[2001:db8::1]:80": false, "0.0.0.0:8080": false,
		} {
			code, body := status(host)
			if refused := strings.Contains(body, "a demo answers to"); refused != (demo && !own) || refused && code != http.StatusForbidden {
				t.Errorf("demo %t, Host %s: %d %s", demo, host, code, body)
			}
		}
	}
}
