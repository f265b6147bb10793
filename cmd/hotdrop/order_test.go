package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/api"
)

// explanationServer explains every order with the text, and any other path with 404.
func explanationServer(t *testing.T, text string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/explain") || strings.Contains(r.URL.Path, "none") {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"code":"not_found","title":"Not found","detail":"there is no order"}`))
			return
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestAnExplanationIsReadInTheTerminal holds what staff read against golden files.
func TestAnExplanationIsReadInTheTerminal(t *testing.T) {
	files, err := filepath.Glob("testdata/explain/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v: %d explanations", err, len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			url := explanationServer(t, string(text))
			r := run(t, t.TempDir(), "order", "explain", "phone.x", "--server", url, "--key", "k")
			var e api.Explanation
			if err := json.Unmarshal(text, &e); err != nil {
				t.Fatal(err)
			}
			if want := map[bool]int{true: exitOK, false: exitFailed}[e.Reproduced]; r.code != want || r.stderr != "" {
				t.Errorf("exit %d, want %d: %s", r.code, want, r.stderr)
			}
			path := strings.TrimSuffix(file, ".json") + ".txt"
			if *updateGolden {
				if err := os.WriteFile(path, []byte(r.stdout), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || string(want) != r.stdout {
				t.Errorf("%s differs (%v); run the test with -update and look at the difference; got\n%s", path, err, r.stdout)
			}
			as := run(t, t.TempDir(), "order", "explain", "phone.x", "--server", url, "--key", "k", "-o", "json")
			if as.code != r.code || !json.Valid([]byte(as.stdout)) {
				t.Errorf("as JSON: exit %d\n%s", as.code, as.stdout)
			}
		})
	}
}

func TestAnOrderThatIsNotThereIsNotExplained(t *testing.T) {
	url := explanationServer(t, "nonsense")
	for order, says := range map[string]string{"none": "not_found", "phone.x": "the server's answer"} {
		r := run(t, t.TempDir(), "order", "explain", order, "--server", url, "--key", "k")
		if r.code != exitFailed || r.stdout != "" || !strings.Contains(r.stderr, says) {
			t.Errorf("%s: exit %d\n%s%s", order, r.code, r.stdout, r.stderr)
		}
	}
}

// TestAnOrderOfARunningServerIsExplained reads the real thing, with the key of the demo in this folder.
func TestAnOrderOfARunningServerIsExplained(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	order := request(t, http.StatusCreated, http.MethodPost, s.url+"/v1/campaigns/trade-in/orders", tokenOf(t, s.url, "ann"), "o",
		`{"sku":"flyme-code","quantity":1}`).str("id")
	text := requireRun(t, folder, "order", "explain", order, "--server", s.url)
	for _, part := range []string{order + ": hook quote", "1. ", "price\n", "1 × flyme-code", "decided again, it is the same"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}

func TestNothingInAnExplanationMovesTheTerminal(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		evil := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"\x1b[2J", "a\nb", "\u202eabc", "\u009b31m", "\r"})).Draw(r, "text")
		text := explained(&api.Explanation{
			Order: evil, Currency: "CNY", Shopper: api.Told{Message: evil}, Differences: []string{evil},
			Bindings: []api.ExplainedBinding{{
				Mechanic: evil, Outcome: evil, Failure: evil, Clauses: []api.Clause{{Text: evil, Values: map[string]any{evil: evil}}},
			}},
			Refusal: &api.ExplainedRefusal{Cause: evil},
		})
		if strings.ContainsAny(text, "\x1b\r\u202e\u009b") || strings.Count(text, "\n") != 8 {
			r.Fatalf("%q", text)
		}
	})
}
