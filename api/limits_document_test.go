package api

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// headersOfAnswers reads which headers the document gives each answer of each operation.
func headersOfAnswers(t *testing.T, c *client) map[string]map[string]map[string]any {
	t.Helper()
	var read struct {
		Paths map[string]map[string]struct {
			ID        string `json:"operationId"`
			Responses map[string]struct {
				Headers map[string]any `json:"headers"`
			} `json:"responses"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(c.do(http.MethodGet, documentPath, "").wants(t, http.StatusOK).body), &read); err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]map[string]any{}
	for _, item := range read.Paths {
		for _, op := range item {
			all[op.ID] = map[string]map[string]any{}
			for status, response := range op.Responses {
				all[op.ID][status] = response.Headers
			}
		}
	}
	return all
}

// TestTheHeadersOfLimitsAreDocumentedWhereTheyAreSent asks every route, as somebody whom it refuses where there is such a role
// and so without effect, and holds what is sent against the document.
func TestTheHeadersOfLimitsAreDocumentedWhereTheyAreSent(t *testing.T) {
	d := newDoor(t, Options{Demo: true, Limits: Limits{Staff: Limit{50, time.Second, 500}, Shopper: Limit{1, time.Second, 1}}})
	_, _, c := newScripted(t, true)
	documented := headersOfAnswers(t, c)
	sent := regexp.MustCompile(`^"(staff|shopper)";q=\d+;w=\d+ "(staff|shopper)";r=\d+;t=\d+$`)
	for _, op := range describedOperations(t, c) {
		limited := !op.public && !slices.Contains(op.roles, roleSource)
		for status, headers := range documented[op.id] {
			counts := strings.HasPrefix(status, "2") && !op.public || status == "429"
			if (headers["RateLimit"] != nil) != counts || (headers["RateLimit-Policy"] != nil) != counts {
				t.Errorf("%s %s: its headers are %v", op.id, status, headers)
			}
		}
		if !limited {
			continue
		}
		who := d.shopperNamed("of-" + op.id)
		if slices.Contains(op.roles, core.RoleShopper) {
			who = d.keys.Staff[0].Key
		}
		w := d.send("1.1.1.1:1", who, op.method, pathParameter.ReplaceAllString(op.path, "x"))
		if got := w.Header().Get("Ratelimit-Policy") + " " + w.Header().Get("Ratelimit"); !sent.MatchString(got) {
			t.Errorf("%s: %d with %q", op.id, w.Code, got)
		}
	}
}
